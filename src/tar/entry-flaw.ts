/** Limits that hide an entry for good, so that none of its data is stored. */
import type { TarEntry } from './entry.js';
import { MAX_LINK_TARGET_LENGTH, MAX_NAME_LENGTH, MAX_PATH_DEPTH } from './limits.js';

const SLASH = 0x2f;
const DOT = 0x2e;
/** A whiteout's name is longer by this than the name it hides. */
const WHITEOUT_PREFIX = Buffer.from('.wh.');

/** Returns why the entry exceeds Linux's limits. The merge handles NULs and empty names. */
export function entryFlaw({ path, linkTarget }: TarEntry): string | undefined {
  if (linkTarget.length > MAX_LINK_TARGET_LENGTH) {
    return `its link target has ${linkTarget.length} bytes, the limit is ${MAX_LINK_TARGET_LENGTH}`;
  }
  // Short enough to be within both limits.
  if (path.length <= MAX_NAME_LENGTH) return undefined;
  return pathFlaw(path);
}

/**
 * Checks the path cleaned as by `path.Clean('/' + name)`. Scans from the end, since a `..` removes
 * the component before it. Byte by byte and only as far as needed: 16 MiB of gzip may hold 16,000
 * paths of 1 MB.
 */
function pathFlaw(path: Uint8Array): string | undefined {
  let depth = 0;
  let taken = 0; // components that a later `..` removes
  let end = path.length;
  for (let at = path.length - 1; at >= -1; at--) {
    if (at >= 0 && path[at] !== SLASH) continue;
    const start = at + 1;
    const length = end - start;
    end = at;
    if (length === 0 || (length === 1 && path[start] === DOT)) continue;
    if (length === 2 && path[start] === DOT && path[start + 1] === DOT) taken++;
    else if (taken > 0) taken--;
    else if (
      length >
      MAX_NAME_LENGTH + (depth === 0 && isWhiteout(path, start) ? WHITEOUT_PREFIX.length : 0)
    ) {
      return `its path has a component of ${length} bytes, the limit is ${MAX_NAME_LENGTH}`;
    } else if (++depth > MAX_PATH_DEPTH) {
      return `its path has more than the limit of ${MAX_PATH_DEPTH} components`;
    }
  }
  return undefined;
}

function isWhiteout(path: Uint8Array, start: number): boolean {
  return WHITEOUT_PREFIX.every((byte, i) => path[start + i] === byte);
}
