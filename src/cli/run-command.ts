import { resolve } from 'node:path';
import { asLayerslayerError, toErrorRecord } from '../base/errors.js';
import type { Command, CommandContext } from './command.js';
import { asks } from './command-line/choose-command.js';
import { parseArguments } from './command-line/parse-arguments.js';
import type { COMMON_OPTIONS } from './options/image-options.js';
import { isOptionWord, type OptionValues, shortOption } from './options/option-table.js';
import { EXIT_STATUS } from './process/exit-status.js';
import { SIGNAL_STATUS } from './process/interruption.js';
import { explainRemoved } from './process/working-directory.js';
import type { Output } from './terminal/output/output.js';

/** Time for output of a command that a signal has stopped: its reader may be stopped too. */
const STOPPED_PATIENCE_MS = 500;

/** `completion` has none of them. */
type CommonValues = Partial<OptionValues<typeof COMMON_OPTIONS>>;

/**
 * Parses the words of one command, runs it, and turns its error into a line and an exit status.
 * @param notes for the user, shown first
 */
export async function runCommand(
  command: Command,
  words: readonly string[],
  context: CommandContext,
  notes: readonly string[] = [],
): Promise<number> {
  const { output } = context;
  // Before parsing, which may fail: that failure too is wanted as JSON.
  output.choices = { ...output.choices, json: asks(words, '--json') };
  try {
    if (asksHelp(words, command)) {
      const { commandHelp } = await import('./command-line/help.js');
      output.result(await commandHelp(command));
      await output.settled();
      return 0;
    }
    const parsed = parseArguments(words, command);
    const { positionals, warnings } = parsed;
    const options = command.prepare?.(parsed.options, positionals, context) ?? parsed.options;
    const { json = false, quiet = false, verbose = false, 'log-file': logFile } = options as CommonValues;
    output.choices = { json, quiet, verbose };
    if (logFile !== undefined) output.teeTo(resolve(context.cwd, logFile));
    if (!output.choices.quiet) for (const note of notes) output.note(note);
    for (const warning of warnings) output.note(warning);
    const { 'no-pager': noPager } = options as { 'no-pager'?: boolean }; // commands that list have it
    if (context.isPaged === true && !json && noPager === false) {
      await pageResults(context);
    }
    const status = await command.run(options, positionals, context);
    await output.settled(status > SIGNAL_STATUS ? STOPPED_PATIENCE_MS : undefined);
    return status;
  } catch (error) {
    return reportFault(error, output);
  } finally {
    await output.endPaging();
  }
}

/** Where `-h` is another option, it asks for help only without other words than options. */
function asksHelp(words: readonly string[], { options }: Command): boolean {
  if (asks(words, '--help')) return true;
  return asks(words, '-h') && (shortOption(options, 'h') === undefined || words.every(isOptionWord));
}

/** Lets the user's pager show the results, if there is one. */
async function pageResults({ output, env }: CommandContext): Promise<void> {
  if (output.resultColumns === undefined) return;
  const { pagerCommand, startPager } = await import('./terminal/output/pager.js');
  const pager = pagerCommand(env);
  if (pager !== undefined) output.pageResults((terminal) => startPager(pager, env, terminal));
}

/** @returns the exit status */
export function reportFault(error: unknown, output: Output): number {
  const known = asLayerslayerError(error);
  output.error(explainRemoved(toErrorRecord(known)));
  return EXIT_STATUS[known.code];
}
