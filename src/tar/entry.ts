/** One tar member as archived. `overlay/` cleans, resolves and checks it. */

/** Kinds by their number in a layer index. The order is part of the index format. */
export const ENTRY_KINDS = ['file', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo'] as const;

export type EntryKind = (typeof ENTRY_KINDS)[number];

/** A segment of a sparse file that has data: `length` bytes at `offset` of the logical file. */
export interface SparseSegment {
  offset: number; // bytes, from the start of the logical file
  length: number; // bytes, 1 or more
}

export interface ExtendedAttribute {
  name: Uint8Array; // without the `SCHILY.xattr.` prefix
  value: Uint8Array;
}

/**
 * The argument of `onEntry`: one object that the scanner fills again for each member. Its byte
 * arrays are views of the pushed memory or of the scanner's scratch. **All of it is valid during
 * `onEntry` only**: copy what you need. The lists `xattrs` and `sparse` are new for
 * each entry, but the bytes in `xattrs` are views.
 */
export interface TarEntry {
  kind: EntryKind;
  path: Uint8Array; // raw bytes as archived, PAX and GNU long names applied; may start with `./` or `/`
  linkTarget: Uint8Array; // raw bytes; empty unless symlink or hardlink; like path it may contain a NUL (PAX)
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
  storedSize: number; // content bytes in the tar, 0 unless file; of a sparse file the sum of its segments
  sparse: readonly SparseSegment[] | undefined; // ascending, not overlapping; their data lies end to end from dataOffset
}
