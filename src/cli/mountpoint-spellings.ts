import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fsPath, textOfBytes } from '../base/raw-text.js';

/** Symlinks that end in symlinks: the kernel's own limit is 40. */
const LINKS_MAX = 40;

/**
 * The absolute paths under which /proc may know the mountpoint that the user calls `path`: as it is, then with
 * symlinks resolved. Never touches the last component but by readlink, which the kernel answers itself: the mount may
 * be dead (every stat fails) or its daemon may hang (every stat waits).
 */
export function mountpointSpellings(path: string, cwd: string): string[] {
  const spellings = [resolve(cwd, path)];
  let next = spellings[0]!;
  for (let i = 0; i < LINKS_MAX; i++) {
    next = withRealParent(next);
    if (!spellings.includes(next)) spellings.push(next);
    const target = linkTarget(next);
    if (target === undefined) break;
    next = resolve(dirname(next), target);
  }
  return spellings;
}

function withRealParent(path: string): string {
  try {
    return join(textOfBytes(realpathSync(fsPath(dirname(path)), 'buffer')), basename(path));
  } catch {
    return path;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return textOfBytes(readlinkSync(fsPath(path), 'buffer'));
  } catch {
    return undefined;
  }
}
