import type { ErrorRecord } from '../base/errors.js';
import { rawWorkingDirectory } from './raw-arguments.js';

/**
 * Stands for a removed working directory. It is in /proc, so no relative path exists or can be
 * created below it.
 */
const REMOVED = '/proc/self/removed-working-directory';

/**
 * Returns the working directory, or a stand-in if it was removed. In that case this process changes
 * to `/`: Node can't start a thread in a removed directory.
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
  if (!error.message.includes(REMOVED)) return error;
  const message = error.message.replaceAll(`${REMOVED}/`, '').replaceAll(REMOVED, '.');
  return { ...error, message: `${message} (the working directory was removed: use absolute paths)` };
}
