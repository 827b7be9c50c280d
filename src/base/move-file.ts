import { linkSync, type PathLike, renameSync, unlinkSync } from 'node:fs';
import { systemCode } from './errors.js';

/**
 * Renames a finished file if its new name is free at that moment. A plain rename would replace what
 * came meanwhile.
 * @throws the system's error: EEXIST if the name is taken
 */
export function moveToFreeName(from: PathLike, to: PathLike): void {
  try {
    linkSync(from, to);
    unlinkSync(from);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw error;
    renameSync(from, to); // a file system without hard links
  }
}
