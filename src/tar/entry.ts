/** One tar member, as the archive says it: nothing is cleaned, resolved or judged here (that is `overlay/`'s). */

export type EntryKind = 'file' | 'dir' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo';

/** Kinds as they stand in the columns of a layer index; the order is part of the index format. */
export const ENTRY_KINDS: readonly EntryKind[] = [
  'file',
  'dir',
  'symlink',
  'hardlink',
  'char',
  'block',
  'fifo',
];

/** A piece of a sparse file that has data: `length` bytes at `offset` of the logical file. */
export interface SparseSegment {
  offset: number; // bytes, from the start of the logical file
  length: number; // bytes, 1 or more
}

export interface ExtendedAttribute {
  name: Uint8Array; // without the `SCHILY.xattr.` prefix
  value: Uint8Array;
}

/**
 * What the scanner hands to `onEntry`: one object, filled again for every member, whose byte arrays are views of the
 * pushed memory or of the scanner's scratch. **All of it is valid during `onEntry` only**; who keeps something copies it
 * (`copyEntry`). The lists `xattrs` and `sparse` are new for each entry, the bytes in `xattrs` are views too.
 */
export interface TarEntry {
  kind: EntryKind;
  path: Uint8Array; // raw bytes as archived, PAX and GNU long names applied; may start with `./` or `/`
  linkTarget: Uint8Array; // raw bytes; empty unless symlink or hardlink; like path it may hold a NUL (PAX)
  mode: number; // permission, setuid, setgid and sticky bits only: 0 to 0o7777
  uid: number; // 0 to 2^32-2
  gid: number; // 0 to 2^32-2
  size: number; // logical size in bytes, 0 to 2^53-1; 0 unless file
  mtimeSeconds: number; // since 1970, may be negative; an integer (floor), clamped to +-(2^52-1)
  mtimeNanoseconds: number; // 0 to 999999999, always added
  deviceMajor: number; // 0 unless char or block
  deviceMinor: number;
  xattrs: readonly ExtendedAttribute[];
  dataOffset: number; // of the first content byte in the uncompressed tar; always a multiple of 512
  storedSize: number; // content bytes in the tar, 0 unless file; differs from size only when sparse: the sum of the segments
  sparse: readonly SparseSegment[] | undefined; // ascending, not overlapping; their data lies end to end from dataOffset
}

/** The entry with bytes of its own, to keep beyond `onEntry`. */
export function copyEntry(entry: TarEntry): TarEntry {
  const xattrs = entry.xattrs.map(({ name, value }) => ({
    name: new Uint8Array(name),
    value: new Uint8Array(value),
  }));
  return { ...entry, path: new Uint8Array(entry.path), linkTarget: new Uint8Array(entry.linkTarget), xattrs };
}
