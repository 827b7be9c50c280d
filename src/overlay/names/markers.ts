import { WHITEOUT_PREFIX_LENGTH } from '../whiteout.js';
import type { PlainPath } from './plain-path.js';

/** What a marker says of a directory. `none`: nothing, but it is no entry either. */
export type Marker =
  | { kind: 'hides-directory' } // what lower layers have in it is not visible
  | { kind: 'hides-name'; name: Uint8Array }
  | { kind: 'none' };

/** Names of markers begin so. (OCI image-spec layer.md, "Whiteouts") */
export const MARKER_PREFIX = '.wh.';

const PREFIX = Buffer.from(MARKER_PREFIX);
const AUFS_PREFIX = Buffer.from('.wh..wh.');
const OPAQUE = Buffer.from('.wh..wh..opq');
const SLASH = 0x2f;
const NONE: Marker = { kind: 'none' };

/** Reads markers as one directory sees them. (rules O2, O3 and O6) */
export class MarkerReader {
  /** @param directory without slashes at its ends; empty: the root */
  constructor(private readonly directory: Uint8Array) {}

  /** @returns undefined for an entry */
  read({ heap, start, end }: PlainPath): Marker | undefined {
    const at = markerStart(heap, start, end);
    if (at === undefined) return undefined;
    const name = heap.subarray(at, end);
    if (name.includes(SLASH)) return NONE; // a marker is a leaf
    const parent = heap.subarray(start, Math.max(start, at - 1));
    if (startsWith(name, OPAQUE) && name.length === OPAQUE.length) {
      return this.#isOrHolds(parent) ? { kind: 'hides-directory' } : NONE;
    }
    if (startsWith(name, AUFS_PREFIX)) return NONE;
    const hidden = name.subarray(WHITEOUT_PREFIX_LENGTH);
    if (isSame(parent, this.directory)) return { kind: 'hides-name', name: hidden };
    const path = parent.length === 0 ? hidden : Buffer.concat([parent, Buffer.of(SLASH), hidden]);
    return this.#isOrHolds(path) ? { kind: 'hides-directory' } : NONE;
  }

  #isOrHolds(path: Uint8Array): boolean {
    const { directory } = this;
    if (path.length === 0) return true;
    if (!startsWith(directory, path)) return false;
    return directory.length === path.length || directory[path.length] === SLASH;
  }
}

/** Returns where the first component begins that has the prefix of markers. */
function markerStart(heap: Uint8Array, start: number, end: number): number | undefined {
  for (let at = start; at < end; at++) {
    const isFirst = at === start || heap[at - 1] === SLASH;
    if (isFirst && end - at >= PREFIX.length && PREFIX.every((byte, i) => heap[at + i] === byte)) return at;
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && startsWith(one, other);
}
