import { writeSync } from 'node:fs';
import { LayerslayerError, toErrorRecord } from '../../base/errors.js';
import { asks } from '../command-line/choose-command.js';
import { EXIT_STATUS, errorText } from './exit-status.js';
import { explainRemoved } from './working-directory.js';

const STDERR = 2;

/** Grace period for timers that do not keep a process alive, such as the end of a session. */
const IDLE_MS = 1_500;

/**
 * Ends the process after an uncaught error with one line and the status of its code, INTERNAL for a
 * fault in the program. Node would print a stack trace and exit with 1.
 * @param words arguments, which decide how errors are shown
 */
export function catchAll(words: readonly string[]): void {
  process.on('uncaughtException', (error) => endWith(error, words)); // also unhandled rejections
  let isIdle = false;
  // The program ends with `process.exit`. If it waits for an event that can't come, Node would exit
  // with 13 without a message.
  process.on('beforeExit', () => {
    if (isIdle) endWith(new LayerslayerError('INTERNAL', 'the command stopped before it finished'), words);
    isIdle = true;
    setTimeout(() => {}, IDLE_MS);
  });
}

/** Prints the fault and ends the process at once. Needs no stream: streams may have failed. */
export function endWith(error: unknown, words: readonly string[]): never {
  const record = explainRemoved(toErrorRecord(error));
  const choices = { json: asks(words, '--json'), verbose: asks(words, '--verbose', '-v') };
  try {
    writeSync(STDERR, `${errorText(record, choices)}\n`);
  } catch {
    // stderr is closed, or its reader has ended.
  }
  process.exit(EXIT_STATUS[record.code]);
}
