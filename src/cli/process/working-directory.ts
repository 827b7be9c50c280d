import type { ErrorRecord } from '../../base/errors.js';
import { rawWorkingDirectory } from '../command-line/raw-arguments.js';

/** Names that a relative path would have to leave by `..` to reach something that exists. */
const DEPTH = 64;

/**
 * Stands for a removed working directory. It is in /proc, so no relative path exists or can be
 * created below it. It is deep, so that `../environ` is not `/proc/self/environ`.
 */
const REMOVED = `/proc/self/removed-working-directory${'/_'.repeat(DEPTH)}`;
const REMOVED_OR_ABOVE = /\/proc\/self\/removed-working-directory(?:\/_)*(\/)?/g;

/**
 * Returns the working directory, or a stand-in if it was removed. Then this process changes to `/`:
 * Node can't start a thread in a removed directory.
 */
export function workingDirectory(): string {
  try {
    return rawWorkingDirectory(process.cwd());
  } catch {
    process.chdir('/');
    return REMOVED;
  }
}

/** Returns the error with relative paths as the user gave them, and why they don't exist. */
export function explainRemoved(error: ErrorRecord): ErrorRecord {
  const message = error.message.replace(REMOVED_OR_ABOVE, (_, slash) => (slash === undefined ? '.' : ''));
  if (message === error.message) return error;
  return { ...error, message: `${message} (the working directory was removed: use absolute paths)` };
}
