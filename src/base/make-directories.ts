import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from './errors.js';
import { fsPath } from './text/raw-text.js';

/**
 * Creates a directory and its missing parents, all with `mode`. Node's `recursive` has two faults
 * (Node 20). It never returns where a file system reports ENOENT below an existing directory, as
 * /proc does. It reports ENOENT for a read-only one.
 * @throws the system's error; EEXIST if something else has the name
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
