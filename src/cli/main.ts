#!/usr/bin/env node
import { DaemonClient } from '../daemon/daemon-client.js';
import { startFetchThread } from '../engine/fetch/fetch-thread.js';
import { asks, type Choice, chooseCommand } from './choose-command.js';
import type { CommandContext } from './command.js';
import { type CommandName, commandNamed } from './command-names.js';
import type { Translation } from './first-tool.js';
import { catchAll, endWith } from './last-resort.js';
import { rawArguments } from './raw-arguments.js';
import { runInSmallSpace } from './small-space.js';
import { workingDirectory } from './working-directory.js';

/** When the process began, on the clock of performance.now(): that clock starts with it. */
const STARTED_MS = 0;

/** Commands that have a session in this process, and one only. */
const FETCHING: ReadonlySet<CommandName> = new Set(['inspect', 'peek', 'carve', 'save']);

/** Commands that read images. */
const READING: ReadonlySet<CommandName> = new Set([...FETCHING, 'mount', 'interactive']);

/** A lone `layerslayer`, or a word that is no command. */
const USAGE_STATUS = 2;

async function main(words: readonly string[]): Promise<number> {
  const choice = chooseCommand(words);
  if (choice.kind === 'command') return runChosen(choice);
  if (choice.kind === 'first-tool') return runFirstTool(choice.words);
  if (words.length === 0 && process.stdin.isTTY && process.stdout.isTTY) {
    const { INTERACTIVE } = await import('./first-tool.js');
    return runTranslation(INTERACTIVE);
  }
  return runTopLevel(choice, words);
}

async function runFirstTool(words: readonly string[]): Promise<number> {
  const [{ translateFirstTool }, { tokenTxt }, { reportFault }] = await Promise.all([
    import('./first-tool.js'),
    import('./token-txt.js'),
    import('./run-command.js'),
  ]);
  let translation: Translation;
  try {
    translation = translateFirstTool(words, () => tokenTxt(cwd));
  } catch (error) {
    const { processOutput } = await import('./process-output.js');
    const output = processOutput();
    output.choices = { ...output.choices, json: asks(words, '--json') };
    return reportFault(error, output);
  }
  return runTranslation(translation);
}

function runTranslation({ name: word, words, notes }: Translation): Promise<number> {
  const name = commandNamed(word);
  if (name === undefined) return runTopLevel({ kind: 'nothing', bare: word }, words);
  return runChosen({ kind: 'command', name, words, isMountHelper: false }, notes);
}

/** @param notes for the user, shown first */
async function runChosen(
  choice: Choice & { kind: 'command' },
  notes: readonly string[] = [],
): Promise<number> {
  const isHelp = asks(choice.words, '--help', '-h');
  if (READING.has(choice.name) && !isHelp) {
    const status = await runInSmallSpace(choice.name === 'mount' ? 'MOUNT_FAILED' : 'IO_FAILED');
    if (status !== undefined) return status;
  }
  let daemon: DaemonClient | undefined;
  const theDaemon = () => {
    daemon ??= DaemonClient.start();
    return daemon;
  };
  // Started before anything else is loaded: their modules load on the other core while this process
  // reads the command line.
  if (choice.name === 'mount' && !isHelp) theDaemon();
  const fetchThread = FETCHING.has(choice.name) && !isHelp ? startFetchThread() : undefined;
  const [{ loadAllCommands, loadCommand }, { runCommand }, { processOutput }] = await Promise.all([
    import('./load-command.js'),
    import('./run-command.js'),
    import('./process-output.js'),
  ]);
  const context: CommandContext = {
    output: processOutput(),
    cwd,
    env: process.env,
    uid: process.getuid?.() ?? 0,
    startedMs: STARTED_MS,
    isMountHelper: choice.isMountHelper,
    ...(fetchThread && { fetchThread }),
    command: loadCommand,
    allCommands: loadAllCommands,
    daemon: () => {
      const taken = theDaemon();
      daemon = undefined;
      return taken;
    },
  };
  const status = await runCommand(await loadCommand(choice.name), choice.words, context, notes);
  daemon?.discard();
  return status;
}

async function runTopLevel(
  choice: Exclude<Choice, { kind: 'command' | 'first-tool' }>,
  words: readonly string[],
): Promise<number> {
  const [{ loadAllCommands }, { programHelp }, { processOutput }] = await Promise.all([
    import('./load-command.js'),
    import('./help.js'),
    import('./process-output.js'),
  ]);
  const output = processOutput();
  if (choice.kind === 'version') {
    const { version } = await import('./version.js');
    output.result(`layerslayer ${version()}`);
    await output.settled();
    return 0;
  }
  if (choice.kind === 'help') {
    output.result(programHelp(await loadAllCommands()).trimEnd());
    await output.settled();
    return 0;
  }
  output.choices = { ...output.choices, json: asks(words, '--json') };
  const { bare, meant, advice } = choice;
  const mountIt = `n image of that name: layerslayer mount ${bare} DIR`;
  let hint = '';
  if (meant !== undefined) hint = ` (did you mean ${meant}? A${mountIt})`;
  if (advice !== undefined) hint = ` (${advice}; a${mountIt})`;
  const what = bare === undefined ? 'no command' : `no such command: ${bare}${hint}`;
  output.error({ code: 'INVALID_ARGUMENT', message: `${what}: see layerslayer --help` });
  return USAGE_STATUS;
}

const words = rawArguments(process.argv.slice(2));
catchAll(words);
const cwd = workingDirectory();
// Explicitly: a handle that is still open (a connection kept alive) must not keep the user waiting.
process.exit(await main(words).catch((error: unknown) => endWith(error, words)));
