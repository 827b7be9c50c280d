import type { EntryTable } from '#src/index/entry-table.js';
import type { EntryKind } from '#src/tar/entry.js';

/** What one row of a big table has. */
export interface PlainRow {
  kind: EntryKind;
  path: string; // ASCII
  target?: string;
}

const NOTHING = new Uint8Array(0);

/** An entry table of `length` rows as columns: 500,000 objects would drown what a test measures. */
export function columnTable(length: number, rowAt: (row: number) => PlainRow): EntryTable {
  const kinds: EntryKind[] = new Array(length);
  const ends = new Uint32Array(length + 1);
  const targets = new Map<string, Uint8Array>();
  const targetOf: (Uint8Array | undefined)[] = [];
  let heap = Buffer.alloc(1 << 20);
  let used = 0;
  for (let row = 0; row < length; row++) {
    const { kind, path, target } = rowAt(row);
    while (used + path.length > heap.length) heap = Buffer.concat([heap, Buffer.alloc(heap.length)]);
    used += heap.write(path, used, 'latin1');
    kinds[row] = kind;
    ends[row + 1] = used;
    if (target === undefined) continue;
    if (!targets.has(target)) targets.set(target, Buffer.from(target));
    targetOf[row] = targets.get(target);
  }
  const zero = () => 0;
  return {
    length,
    kind: (row) => kinds[row]!,
    mode: (row) => (kinds[row] === 'dir' ? 0o755 : 0o644),
    uid: zero,
    gid: zero,
    size: (row) => (kinds[row] === 'file' ? 1000 : 0),
    mtimeSeconds: zero,
    mtimeNanoseconds: zero,
    deviceMajor: zero,
    deviceMinor: zero,
    dataOffset: (row) => row * 1536,
    storedSize: (row) => (kinds[row] === 'file' ? 1000 : 0),
    pathHeap: new Uint8Array(heap.buffer, heap.byteOffset, used),
    pathStart: (row) => ends[row]!,
    pathEnd: (row) => ends[row + 1]!,
    linkTarget: (row) => targetOf[row] ?? NOTHING,
    xattrs: () => [],
    sparse: () => undefined,
  };
}
