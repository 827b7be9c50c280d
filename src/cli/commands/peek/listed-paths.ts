import { LayerslayerError } from '../../../base/errors.js';
import { shownName } from '../../../base/text/quote-name.js';
import { bytesOfText, textOfBytes } from '../../../base/text/raw-text.js';
import { cleanNames } from '../../../image/paths/asked-path.js';
import { PathPattern } from '../../../overlay/pattern/path-pattern.js';
import { joinPath, splitPath } from '../../../overlay/resolve-path.js';

const SLASH = 0x2f;

interface Subtree {
  path: Buffer; // cleaned: `/etc`
  isSeen: boolean;
  parentLength: number; // of the longest part of `path` that some entry is at or below; 0: the root
  pattern: PathPattern | undefined; // undefined: only a path
}

/**
 * PATH... of `peek`: selects entries and records missing PATHs. Without PATHs, selects all. A PATH
 * that exists in any layer is a path, others are patterns. `see` decides which.
 */
export class ListedPaths {
  readonly #subtrees: readonly Subtree[];
  /** Whether `see` must be called with every path before `isListed`. */
  readonly isUndecided: boolean;

  /** @throws LayerslayerError INVALID_ARGUMENT as PathPattern.parse */
  constructor(paths: readonly string[]) {
    const cleaned = new Set(
      paths.map((path) => textOfBytes(joinPath(cleanNames(splitPath(bytesOfText(path)))))),
    );
    this.#subtrees = [...cleaned].map((path) => ({
      path: path === '/' ? Buffer.alloc(0) : bytesOfText(path),
      isSeen: path === '/',
      parentLength: 0,
      pattern: PathPattern.parse(bytesOfText(path)),
    }));
    this.isUndecided = this.#subtrees.some(({ pattern }) => pattern);
  }

  /** @param path cleaned, of an entry that may be listed later */
  see(path: Buffer): void {
    for (const subtree of this.#subtrees) {
      if (subtree.pattern && sharedLength(path, subtree.path) === subtree.path.length)
        subtree.pattern = undefined;
    }
  }

  /** @param path cleaned, of the next entry */
  isListed(path: Buffer, isDirectory: boolean): boolean {
    if (this.#subtrees.length === 0) return true;
    let isListed = false;
    for (const subtree of this.#subtrees) {
      if (subtree.pattern) {
        if (isAtOrBelow(path, isDirectory, subtree.pattern)) subtree.isSeen = isListed = true;
        continue;
      }
      const shared = sharedLength(path, subtree.path);
      if (shared === subtree.path.length) subtree.isSeen = isListed = true;
      else if (shared > subtree.parentLength) subtree.parentLength = shared;
    }
    return isListed;
  }

  /** Returns an error for each missing PATH, with advice from `hint`. @param where what was listed */
  missing(where = 'image', hint?: (names: readonly Uint8Array[]) => string | undefined): LayerslayerError[] {
    return this.#subtrees
      .filter(({ isSeen }) => !isSeen)
      .map(({ path, parentLength, pattern }) => {
        const parent = parentLength > 0 ? `${shownName(path.subarray(0, parentLength))} exists` : undefined;
        const why = pattern ? 'the pattern matches nothing' : (hint?.(splitPath(path)) ?? parent);
        const more = why === undefined ? '' : ` (${why})`;
        return new LayerslayerError('NOT_FOUND', `no such file in ${where}: ${shownName(path)}${more}`);
      });
  }
}

function isAtOrBelow(path: Buffer, isDirectory: boolean, pattern: PathPattern): boolean {
  const names = splitPath(path);
  let position = pattern.start;
  for (const [i, name] of names.entries()) {
    if (pattern.isMatch(position, true)) return true;
    position = pattern.after(position, name);
    if (position.length === 0) return false;
    if (i === names.length - 1) return pattern.isMatch(position, isDirectory);
  }
  return pattern.isMatch(position, true); // root
}

/** Returns the length of the common components: `/etc/a` and `/etc/ab` share 4 bytes. */
function sharedLength(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  let whole = 0;
  let at = 0;
  for (; at < end && a[at] === b[at]; at++) if (a[at] === SLASH) whole = at;
  const isWhole = at === end && (a.length === b.length || (a.length > b.length ? a : b)[at] === SLASH);
  return isWhole ? end : whole;
}
