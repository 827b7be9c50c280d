import type { Argv } from 'yargs';
import type { CommandDeclaration } from '../command-declaration.js';
import type { OptionSpec, OptionTable, OptionValues } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { lastTaken, longOptions, wordsOfChoice } from './long-options.js';
import { MISSING_VALUE, newParser, SURPLUS_VALUE, UNKNOWN_OPTION } from './parser.js';
import { seeHelp } from './see-help.js';
import { unknownOption } from './unknown-option.js';

/** What parsing needs to know of a command. */
type ParsedCommand<T extends OptionTable = OptionTable> = Pick<
  CommandDeclaration<T>,
  'name' | 'options' | 'positionals'
>;

interface ParsedWords<T extends OptionTable> {
  options: OptionValues<T>;
  positionals: string[];
  warnings: string[]; // for the user
}

/**
 * Parses the words of one command by yargs, as getopt_long(3) does: positionals anywhere,
 * everything after `--`.
 *
 * The command has a yargs of its own. As a command of another one, it would have its words parsed
 * twice and its help laid out with each call, which takes 20 ms (measured).
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parseArguments<T extends OptionTable>(
  words: readonly string[],
  command: ParsedCommand<T>,
): ParsedWords<T> {
  const { options: table } = command;
  const parser = newParser((message) => fault(message, command)).strictOptions();
  for (const [name, { kind }] of Object.entries(table)) declare(parser, name, kind);
  const long = longOptions(words, command);
  const given = parser.parseSync(long);
  const positionals = given._.map(String);
  const values = Object.entries(table).map(([name, spec]) => [name, parsedValue(name, spec, given[name])]);
  checkPositionals(command, positionals, long);
  const warnings = Object.entries(table).flatMap(([name, spec]) => repetition(name, spec, given[name]) ?? []);
  return { options: Object.fromEntries(values), positionals, warnings };
}

/** @param given by yargs: an array if the option was repeated */
function repetition(name: string, { warnsIfRepeated }: OptionSpec, given: unknown): string | undefined {
  if (!warnsIfRepeated || !Array.isArray(given)) return undefined;
  const last = String(given.at(-1));
  const others = new Set(given.map(String).filter((value) => value !== last));
  if (others.size === 0) return undefined;
  const ignored = [...others].join(', ');
  return `warning: --${name} takes one value: ${last} counts, not ${ignored}`;
}

/**
 * Not by yargs: it counts before it has seen that `--frob a` is no option with its value.
 * @param long all words, as `longOptions` returns them
 */
function checkPositionals(
  { name, positionals, options }: ParsedCommand,
  words: readonly string[],
  long: readonly string[],
): void {
  const { min, max, names } = positionals;
  const want = `${name} wants ${names === '' ? 'no arguments' : names}`;
  const refuse = (why: string) => usageError(`${want}${why}: ${seeHelp(name)}`);
  if (words.length < min) {
    const reason = joinedPath(words, names) ?? takenByOption(long, options);
    throw refuse(missingWords(names, words.length, min) + (reason === undefined ? '' : `: ${reason}`));
  }
  // No registry has such an image. A directory may have such a name.
  const joined = /^(oci|oci-archive|docker-archive):/.test(words[0] ?? '')
    ? undefined
    : joinedPath(words.slice(0, 1), names);
  if (joined !== undefined) throw refuse(`: ${joined}`);
  if (words.length > max) throw refuse(`: ${words[max]} is one too many`);
  // An empty path would be the working directory: `layerslayer mount nginx "$UNSET"`.
  if (words.includes('')) throw refuse(', got an empty one');
}

/** `: MOUNTPOINT is missing`. Of a command with one argument, that is clear already. */
function missingWords(names: string, given: number, min: number): string {
  const missing = names.split(' ').slice(given, min);
  const named = missing.map((name) => name.replace(/[[\].]/g, '')).join(' and ');
  return min === 1 ? '' : `: ${named} ${missing.length === 1 ? 'is' : 'are'} missing`;
}

/** IMAGE and PATH in one word. `oci:/dir` and `docker://host/name` are no such words. */
const IMAGE_WITH_PATH =
  /^((?:oci|oci-archive|docker-archive):.+?|(?!(?:oci|oci-archive|docker-archive):).+?):(\/(?!\/).*)$/s;

/** Of `cp nginx:/etc/passwd x`, as docker has it for containers. */
function joinedPath(words: readonly string[], names: string): string | undefined {
  if (!names.includes('PATH')) return undefined;
  for (const word of words) {
    const [, image, path] = IMAGE_WITH_PATH.exec(word) ?? [];
    if (path !== undefined) return `PATH is a word of its own: ${image} ${path}`;
  }
  return undefined;
}

function takenByOption(long: readonly string[], table: OptionTable): string | undefined {
  const taken = lastTaken(long, table);
  return taken && `${taken.word} is the value of --${taken.name}`;
}

function declare(parser: Argv, name: string, kind: OptionSpec['kind']): void {
  const isFlag = kind === 'flag';
  parser.option(name, { type: isFlag ? 'boolean' : 'string', nargs: isFlag ? 0 : 1 });
}

/** @param given by yargs: an array, if there are several or the option was repeated */
function parsedValue(name: string, spec: OptionSpec, given: unknown) {
  if (spec.kind === 'flag') return given === true;
  const texts = given === undefined ? [] : ([given].flat() as string[]);
  const words = spec.kind === 'choice' ? texts.map(wordsOfChoice) : [texts];
  if (words.some((each) => each.includes(''))) throw wantsValue(name, spec);
  // Of a `choice` the second word is something else.
  for (const [word] of spec.kind === 'choice' ? words : texts.map((text) => [text])) {
    if (spec.choices?.includes(word!) === false)
      throw usageError(`--${name} is ${spec.choices.join(', ')}, not ${word}`);
  }
  if (spec.kind === 'choice') return words.at(-1);
  return spec.kind === 'list' ? texts : texts.at(-1);
}

function wantsValue(name: string, { value = 'VALUE' }: OptionSpec): Error {
  return usageError(`--${name} wants a value: ${value}`);
}

/** Completes a message of yargs, which names an option without its dashes. */
function fault(message: string, { name, options: table }: ParsedCommand): Error {
  const about = (start: string) => (message.startsWith(start) ? message.slice(start.length) : undefined);
  const unknown = about(UNKNOWN_OPTION); // all of them, separated by commas
  if (unknown !== undefined) return unknownOption(`--${unknown.split(', ')[0]}`, table, name);
  const missing = about(MISSING_VALUE);
  if (missing !== undefined) return wantsValue(missing, table[missing]!);
  const surplus = about(SURPLUS_VALUE);
  return usageError(surplus === undefined ? message : `--${surplus} takes no value`);
}
