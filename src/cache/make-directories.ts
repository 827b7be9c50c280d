import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../base/errors.js';
import { fsPath } from '../base/raw-text.js';

/**
 * Makes a directory and those above it that are missing, all with `mode`. Node's own `recursive` never returns where a
 * file system says ENOENT below a directory that is there (/proc does), and says ENOENT of a read-only one (Node 20).
 * @throws the system's error; EEXIST when something else has the name
 */
export function makeDirectories(path: string, mode: number): void {
  const parent = dirname(path);
  for (let parentMade = false; ; parentMade = true) {
    try {
      mkdirSync(fsPath(path), { mode });
      return;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST' && isDirectory(path)) return;
      if (code !== 'ENOENT' || parentMade || parent === path) throw error;
    }
    makeDirectories(parent, mode);
  }
}

function isDirectory(path: string): boolean {
  return statSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
