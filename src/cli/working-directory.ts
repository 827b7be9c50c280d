import type { ErrorRecord } from '../base/errors.js';
import { rawWorkingDirectory } from './raw-arguments.js';

/**
 * Stands for a working directory that was removed. No relative path is found below it, and none can be made there, as it lies
 * in /proc.
 */
const REMOVED = '/proc/self/removed-working-directory';

/**
 * Returns the working directory, or a path that stands for one that was removed. In that case this process moves to `/`:
 * Node starts no thread in a directory that was removed.
 */
export function workingDirectory(): string {
  try {
    return rawWorkingDirectory(process.cwd());
  } catch {
    process.chdir('/');
    return REMOVED;
  }
}

/** Returns the error with relative paths as the user gave them, and why they were not found. */
export function explainRemoved(error: ErrorRecord): ErrorRecord {
  if (!error.message.includes(REMOVED)) return error;
  const message = error.message.replaceAll(`${REMOVED}/`, '').replaceAll(REMOVED, '.');
  return { ...error, message: `${message} (the working directory was removed: use absolute paths)` };
}
