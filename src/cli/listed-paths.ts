import { LayerslayerError } from '../base/errors.js';
import { bytesOfText, textOfBytes } from '../base/raw-text.js';
import { quoteName } from '../overlay/quote-name.js';
import { joinPath, splitPath } from '../overlay/resolve-path.js';
import { cleanNames } from './carve-arguments.js';

const SLASH = 0x2f;

interface Subtree {
  path: Buffer; // cleaned: `/etc`
  isSeen: boolean;
  parentLength: number; // of the longest part of `path` that some entry is at or below; 0: the root
}

/** PATH... of `peek`: which entries are listed, and what was asked for in vain. Everything is listed when there are none. */
export class ListedPaths {
  readonly #subtrees: readonly Subtree[];

  constructor(paths: readonly string[]) {
    const cleaned = new Set(
      paths.map((path) => textOfBytes(joinPath(cleanNames(splitPath(bytesOfText(path)))))),
    );
    this.#subtrees = [...cleaned].map((path) => ({
      path: path === '/' ? Buffer.alloc(0) : bytesOfText(path),
      isSeen: path === '/',
      parentLength: 0,
    }));
  }

  /** @param path cleaned, of the next entry */
  isListed(path: Buffer): boolean {
    if (this.#subtrees.length === 0) return true;
    let isListed = false;
    for (const subtree of this.#subtrees) {
      const shared = sharedLength(path, subtree.path);
      if (shared === subtree.path.length) subtree.isSeen = isListed = true;
      else if (shared > subtree.parentLength) subtree.parentLength = shared;
    }
    return isListed;
  }

  /** One error a path that no entry was at or below. */
  missing(): LayerslayerError[] {
    return this.#subtrees
      .filter(({ isSeen }) => !isSeen)
      .map(({ path, parentLength }) => {
        const parent = quoteName(parentLength === 0 ? Buffer.from('/') : path.subarray(0, parentLength));
        const what = `nothing is listed at or below ${quoteName(path)}`;
        return new LayerslayerError('NOT_FOUND', `${what}: of its parents ${parent} is there`);
      });
  }
}

/** Bytes of the whole components that two cleaned paths begin with: `/etc/a` and `/etc/ab` share 4. */
function sharedLength(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  let whole = 0;
  let at = 0;
  for (; at < end && a[at] === b[at]; at++) if (a[at] === SLASH) whole = at;
  const isWhole = at === end && (a.length === b.length || (a.length > b.length ? a : b)[at] === SLASH);
  return isWhole ? end : whole;
}
