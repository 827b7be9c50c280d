import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fsPath, textOfBytes } from '../../../base/text/raw-text.js';

/** Symlinks that end in symlinks: the kernel's own limit is 40. */
const LINKS_MAX = 40;

/**
 * Returns the absolute paths under which /proc may list `path`: as given, then without symlinks.
 * Only readlink accesses the last component: the kernel answers it itself. The mount may be dead
 * (each stat fails) or its daemon may hang (each stat waits).
 */
export function mountpointSpellings(path: string, cwd: string): string[] {
  const spellings = [resolve(cwd, path)];
  let next = spellings[0]!;
  for (let i = 0; i < LINKS_MAX; i++) {
    const parent = textOf(() => realpathSync(fsPath(dirname(next)), 'buffer'));
    if (parent !== undefined) next = join(parent, basename(next));
    if (!spellings.includes(next)) spellings.push(next);
    const target = textOf(() => readlinkSync(fsPath(next), 'buffer'));
    if (target === undefined) break;
    next = resolve(dirname(next), target);
  }
  return spellings;
}

function textOf(read: () => Buffer): string | undefined {
  try {
    return textOfBytes(read());
  } catch {
    return undefined;
  }
}
