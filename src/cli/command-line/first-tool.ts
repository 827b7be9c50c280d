import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemCode } from '../../base/errors.js';
import { systemErrorText } from '../../base/system-error-text.js';
import { registryReference } from '../../oci/image-location.js';
import type { CommandName } from '../command-names.js';
import { SERVE } from '../commands/serve/declaration.js';
import { IMAGE_OPTIONS } from '../options/image-options.js';
import type { OptionValues } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { FIRST_TOOL_OPTIONS } from './first-tool-options.js';
import { optionWords } from './option-words.js';
import { parseArguments } from './parse-arguments.js';
import { PROGRAM } from './parser.js';

type FirstToolValues = OptionValues<typeof FIRST_TOOL_OPTIONS>;

const FIRST_TOOL = {
  name: PROGRAM,
  options: FIRST_TOOL_OPTIONS,
  positionals: { min: 0, max: 0, names: '' },
};

/** With `--api`, all options of `serve` work too. */
const FIRST_SERVER = { ...FIRST_TOOL, options: { ...FIRST_TOOL_OPTIONS, ...SERVE.options } };

/** The command that each action becomes, and the option that it `takes` from the others. */
const MODES = {
  // The first tool replaced its earlier files, and scripts that run repeatedly rely on it.
  'carve-file': { name: 'carve', words: ['--force'], takes: 'output-dir' },
  'bulk-peek': { name: 'peek', words: ['--merged'], takes: 'simple-output' },
  'peek-all': { name: 'peek', words: [], takes: 'simple-output' },
  'peek-layer': { name: 'peek', words: [], takes: 'simple-output' },
  'save-all': { name: 'save', words: [], takes: 'output-dir' },
  api: { name: 'serve', words: [], takes: undefined },
  interactive: { name: 'interactive', words: [], takes: undefined },
} as const;

type Mode = keyof typeof MODES;

/** Actions that need no image. */
const WITHOUT_IMAGE: readonly Mode[] = ['interactive', 'api'];

/** Options of images that are no options of `serve`: its clients would use such a secret. */
const NOT_OF_SERVE = ['username', 'password-stdin', 'token-file', 'platform'] as const;

/** A command and its words, as if the user had typed them. */
export interface Translation {
  name: CommandName;
  words: string[];
  notes: string[]; // for the user
}

/** A bearer token in a file. */
export interface TokenFile {
  path?: string; // absolute; undefined if there is none that can be used
  note?: string; // for the user
}

/**
 * @param tokenFile searches the first tool's `token.txt`; called for images of Docker Hub only
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function translateFirstTool(words: readonly string[], tokenFile: () => TokenFile): Translation {
  const served = asksToServe(words) ? parseArguments(words, FIRST_SERVER).options : undefined;
  const options: FirstToolValues = served ?? parseArguments(words, FIRST_TOOL).options;
  if (options.arch !== undefined) {
    throw usageError('--arch counted the platforms of an image: say which one by --platform OS/ARCH');
  }
  const mode = chosenMode(options);
  const image = options['target-image'];
  if (image === undefined && !WITHOUT_IMAGE.includes(mode))
    throw usageError(`--${mode} wants an image: -t IMAGE`);

  const notes: string[] = [];
  if (options['chunk-size'] !== undefined)
    notes.push('--chunk-size has no effect: what is needed is fetched');
  const all = served ? optionWords(SERVE.options, served) : optionWords(IMAGE_OPTIONS, options);
  if (mode === 'api') refuseSecrets(options);
  else if (image !== undefined) all.push(...tokenWords(options, image, tokenFile, notes));
  const { name, words: own, takes } = MODES[mode];
  all.push(...own);
  for (const option of ['simple-output', 'output-dir'] as const) {
    if (options[option] && option !== takes) notes.push(`--${option} has no effect with --${mode}`);
  }
  if (mode === 'peek-layer') all.push(...layerWords(options['peek-layer']!, notes));
  if (takes === 'output-dir' && options[takes] !== undefined) all.push(`-o${options[takes]}`);
  if (takes === 'simple-output' && options[takes]) all.push('--simple');
  const bare = [image, options['carve-file']].filter((word) => word !== undefined);
  return { name, words: bare.length > 0 ? [...all, '--', ...bare] : all, notes };
}

/** Returns whether `--api` stands there. It may be in a group of short options: `-qA`. */
function asksToServe(words: readonly string[]): boolean {
  return words.some((word) => word === '--api' || /^-[qi]*A/.test(word));
}

/** The default is `interactive`: the first tool went through an image step by step. */
function chosenMode(options: FirstToolValues): Mode {
  const modes = Object.keys(MODES) as Mode[];
  const given = modes.filter((mode) => options[mode] !== undefined && options[mode] !== false);
  if (given.length > 1) throw usageError(`--${given[0]} and --${given[1]} exclude each other`);
  return given[0] ?? 'interactive';
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function refuseSecrets(options: FirstToolValues): void {
  const given = NOT_OF_SERVE.find((name) => options[name] !== undefined && options[name] !== false);
  if (given !== undefined) throw usageError(`--${given} is no option of serve, which --api is`);
}

/** The first tool counted layers from 0; here the first is 1, everywhere. */
function layerWords(which: string, notes: string[]): string[] {
  if (which === 'all') return [];
  if (!/^\d{1,4}$/.test(which))
    throw usageError(`not a layer: ${JSON.stringify(which)}: want all or its number from 0`);
  const number = Number(which) + 1;
  notes.push(`--peek-layer ${which} is --layer ${number}: layers are counted from 1 now`);
  return [`--layer=${number}`];
}

/** For Docker Hub only, as the first tool. Credentials of the user take precedence. */
function tokenWords(
  options: FirstToolValues,
  image: string,
  tokenFile: () => TokenFile,
  notes: string[],
): string[] {
  if (options.username !== undefined || options['token-file'] !== undefined) return [];
  if (!isOnDockerHub(image)) return [];
  const { path, note } = tokenFile();
  if (note !== undefined) notes.push(note);
  return path === undefined ? [] : [`--token-file=${path}`];
}

/** The command reports a reference that is not valid. */
function isOnDockerHub(image: string): boolean {
  try {
    return registryReference(image)?.registry === 'docker.io';
  } catch {
    return false;
  }
}

const TOKEN_FILE = 'token.txt';

/** Bytes; a token of Docker Hub has about 3000. */
const TOKEN_MAX = 16 * 1024;

/** RFC 6750, 2.1, `b64token`. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*\r?\n?$/;

/** Returns the first tool's token file in the working directory. Other contents are ignored. */
export function tokenTxt(cwd: string): TokenFile {
  const path = resolve(cwd, TOKEN_FILE);
  let fd: number;
  try {
    // Opening a pipe would wait for its writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? {} : notUsed(systemErrorText(error) ?? 'it cannot be opened');
  }
  try {
    if (!fstatSync(fd).isFile()) return notUsed('it is no regular file');
    const bytes = Buffer.alloc(TOKEN_MAX);
    const length = readSync(fd, bytes, 0, TOKEN_MAX, 0);
    const isToken = length < TOKEN_MAX && TOKEN.test(bytes.toString('latin1', 0, length));
    if (!isToken) return notUsed('it is not one line with a token');
  } catch (error) {
    return notUsed(systemErrorText(error) ?? 'it cannot be read');
  } finally {
    closeSync(fd);
  }
  return { path, note: `using the token in ${TOKEN_FILE} of this directory, for docker.io` };
}

function notUsed(why: string): TokenFile {
  return { note: `${TOKEN_FILE} of this directory is not used: ${why}` };
}
