import { writeSync } from 'node:fs';
import { LayerslayerError, toErrorRecord } from '../base/errors.js';
import { asks } from './choose-command.js';
import { errorText } from './error-text.js';
import { EXIT_STATUS } from './exit-status.js';
import { explainRemoved } from './working-directory.js';

const STDERR = 2;

/** Timers that do not keep a process alive (a session's end gets a second) have this long. */
const IDLE_MS = 1_500;

/**
 * The net under the whole process: what no command caught ends it with one line and the status of its code, INTERNAL for a
 * fault in the program. Without it Node prints a stack trace and exits with 1.
 * @param words of the command line, which say how errors are shown
 */
export function catchAll(words: readonly string[]): void {
  process.on('uncaughtException', (error) => endWith(error, words)); // rejections that nothing handles come here too
  let isIdle = false;
  // The program ends by `process.exit`. When it waits for what can never come, Node would exit with 13 and say nothing.
  process.on('beforeExit', () => {
    if (isIdle) endWith(new LayerslayerError('INTERNAL', 'the command waits for nothing'), words);
    isIdle = true;
    setTimeout(() => {}, IDLE_MS);
  });
}

/** Shows the fault and ends the process at once. Needs no stream: they may be what failed. */
export function endWith(error: unknown, words: readonly string[]): never {
  const record = explainRemoved(toErrorRecord(error));
  const choices = { json: asks(words, '--json'), verbose: asks(words, '--verbose', '-v') };
  try {
    writeSync(STDERR, `${errorText(record, choices)}\n`);
  } catch {
    // stderr is closed, or its reader went away.
  }
  process.exit(EXIT_STATUS[record.code]);
}
