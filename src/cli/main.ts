#!/usr/bin/env node
import { DaemonClient } from '../daemon/daemon-client.js';
import { startFetchThread } from '../engine/fetch/fetch-thread.js';
import type { CommandContext } from './command.js';
import { asks, type Choice, chooseCommand } from './command-line/choose-command.js';
import type { Translation } from './command-line/first-tool.js';
import { rawArguments } from './command-line/raw-arguments.js';
import { FETCHING_COMMANDS, READING_COMMANDS } from './command-line/reading-commands.js';
import type { CommandName } from './command-names.js';
import { COMMANDS } from './command-table.js';
import { usageError } from './options/usage-error.js';
import { catchAll, endWith } from './process/last-resort.js';
import { runInSmallSpace } from './process/small-space.js';
import { workingDirectory } from './process/working-directory.js';

/** By which the scripts of `completion` ask. Hidden: their question and its answer may change. */
const COMPLETION_WORD = '--get-completions';

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === COMPLETION_WORD) {
    const { complete } = await import('./completion/complete.js');
    await complete(words.slice(1), { cwd, env: process.env, uid: process.getuid?.() ?? 0 });
    return 0;
  }
  const choice = chooseCommand(words);
  if (choice.kind === 'command') return runChosen(choice);
  if (choice.kind === 'first-tool') return runFirstTool(choice.words);
  if (words.length === 0 && process.stdin.isTTY && process.stdout.isTTY)
    return runChosen({ name: 'interactive', words: [] });
  return runTopLevel(choice, words);
}

async function runFirstTool(words: readonly string[]): Promise<number> {
  const { tokenTxt, translateFirstTool } = await import('./command-line/first-tool.js');
  let translation: Translation;
  try {
    translation = translateFirstTool(words, () => tokenTxt(cwd));
  } catch (error) {
    return reportUsage(error, words);
  }
  return runChosen(translation);
}

async function reportUsage(error: unknown, words: readonly string[]): Promise<number> {
  const [{ reportFault }, { processOutput }] = await Promise.all([
    import('./run-command.js'),
    import('./terminal/output/process-output.js'),
  ]);
  const output = processOutput();
  output.choices = { ...output.choices, json: asks(words, '--json') };
  return reportFault(error, output);
}

/** @param chosen.notes for the user, shown first */
async function runChosen(chosen: {
  name: CommandName;
  words: readonly string[];
  isMountHelper?: boolean;
  notes?: readonly string[];
}): Promise<number> {
  const { name, words, isMountHelper = false, notes } = chosen;
  const isHelp = asks(words, '--help', '-h');
  if (READING_COMMANDS.has(name) && !isHelp) {
    const status = await runInSmallSpace(name === 'mount' ? 'MOUNT_FAILED' : 'IO_FAILED');
    if (status !== undefined) return status;
  }
  // Started first: their modules load on another core while this process reads the command line.
  let daemon = name === 'mount' && !isHelp ? DaemonClient.start() : undefined;
  const fetchThread = FETCHING_COMMANDS.has(name) && !isHelp ? startFetchThread() : undefined;
  const [{ loadCommand }, { runCommand }, { processOutput }] = await Promise.all([
    import('./load-command.js'),
    import('./run-command.js'),
    import('./terminal/output/process-output.js'),
  ]);
  const context: CommandContext = {
    output: processOutput(),
    cwd,
    env: process.env,
    uid: process.getuid?.() ?? 0,
    startedMs: 0, // the clock of performance.now() starts with the process
    isMountHelper,
    isPaged: true,
    ...(fetchThread && { fetchThread }),
    command: loadCommand,
    daemon: () => {
      const taken = daemon ?? DaemonClient.start();
      daemon = undefined;
      return taken;
    },
  };
  const status = await runCommand(await loadCommand(name), words, context, notes);
  daemon?.discard();
  return status;
}

async function runTopLevel(
  choice: Exclude<Choice, { kind: 'command' | 'first-tool' }>,
  words: readonly string[],
): Promise<number> {
  if (choice.kind === 'nothing') {
    const { bare, advice } = choice;
    const [{ recommendedCommand }, { checkTopLevelOptions }, { seeHelp }] = await Promise.all([
      import('./command-line/recommended-command.js'),
      import('./command-line/top-level-options.js'),
      import('./command-line/see-help.js'),
    ]);
    try {
      checkTopLevelOptions(words);
    } catch (error) {
      return reportUsage(error, words);
    }
    const meant = choice.meant ?? (bare === undefined ? undefined : recommendedCommand(bare));
    const mountIt = `n image of that name: layerslayer mount ${bare} DIR`;
    let hint = '';
    if (meant !== undefined) hint = ` (did you mean ${meant}? A${mountIt})`;
    if (advice !== undefined) hint = ` (${advice}; a${mountIt})`;
    const what = bare === undefined ? 'no command' : `no such command: ${bare}${hint}`;
    return reportUsage(usageError(`${what}: ${seeHelp()}`), words);
  }
  const [{ programHelp, versionLine }, { processOutput }] = await Promise.all([
    import('./command-line/help.js'),
    import('./terminal/output/process-output.js'),
  ]);
  const output = processOutput();
  output.result(choice.kind === 'version' ? versionLine() : await programHelp(COMMANDS));
  await output.settled();
  return 0;
}

const words = rawArguments(process.argv.slice(2));
catchAll(words);
const cwd = workingDirectory();
// Explicitly: a handle that is still open (a connection kept alive) must not keep the user waiting.
void main(words)
  .catch((error: unknown) => endWith(error, words))
  .then((status) => process.exit(status));
