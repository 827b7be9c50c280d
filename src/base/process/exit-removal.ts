import { rmSync } from 'node:fs';
import { fsPath } from '../text/raw-text.js';

/** Retries while a thread still writes to the directory. */
const RETRIES = 3;

/**
 * Removes a temporary file or directory if the process exits before its owner removes it: after a
 * second Ctrl-C, or a fault that nothing catches.
 * @param path absolute
 * @returns ends that, when the owner has removed it
 */
export function removeAtExit(path: string): () => void {
  const remove = () => {
    try {
      rmSync(fsPath(path), { recursive: true, force: true, maxRetries: RETRIES });
    } catch {
      // The process ends anyway.
    }
  };
  process.once('exit', remove);
  return () => void process.off('exit', remove);
}
