import { MAX_NAME_LENGTH } from './limits.js';
import type { PathComponents } from './path-components.js';

/**
 * What a cleaned path asks for. `aufs`: below a `.wh..wh.` name, kept out of sight as the target of
 * hard links. (OCI image-spec layer.md, "Whiteouts"; rules O2, O3 and O6)
 */
export type PathRole = 'entry' | 'whiteout' | 'opaque' | 'aufs' | 'malformed';

const PREFIX = Buffer.from('.wh.');
const AUFS_PREFIX = Buffer.from('.wh..wh.');
const OPAQUE = Buffer.from('.wh..wh..opq');
const DOT = 0x2e;

/** Bytes of the prefix before the hidden name. */
export const WHITEOUT_PREFIX_LENGTH = PREFIX.length;

export function roleOf(path: PathComponents): PathRole {
  for (let i = 0; i < path.count; i++) {
    const start = path.starts[i]!;
    const end = path.ends[i]!;
    if (!startsWith(path.heap, start, end, PREFIX)) continue;
    const opaque = end - start === OPAQUE.length && startsWith(path.heap, start, end, OPAQUE);
    if (!opaque && startsWith(path.heap, start, end, AUFS_PREFIX)) return 'aufs';
    // A marker is a leaf: what stands below one would make it visible as a directory.
    if (i < path.count - 1) return 'malformed';
    if (opaque) return 'opaque';
    return isHideable(path.heap, start + PREFIX.length, end) ? 'whiteout' : 'malformed';
  }
  return 'entry';
}

/** False for a name that no layer shows, whatever is in it. */
export function isShownName(name: Uint8Array): boolean {
  return name.length <= MAX_NAME_LENGTH && !startsWith(name, 0, name.length, PREFIX);
}

/**
 * False for a layer without any marker: most base layers are spared the pass that looks for them.
 */
export function mayHaveMarkers(heap: Uint8Array): boolean {
  return Buffer.from(heap.buffer, heap.byteOffset, heap.byteLength).includes(PREFIX);
}

/** `.wh.`, `.wh..` and `.wh...` would hide a directory's whole content, itself, or its parent. */
function isHideable(heap: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0 || length > MAX_NAME_LENGTH) return false;
  if (length > 2) return true;
  return heap[start] !== DOT || heap[end - 1] !== DOT;
}

function startsWith(heap: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (heap[start + i] !== prefix[i]) return false;
  return true;
}
