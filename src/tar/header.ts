/**
 * The 512-byte header block: the positions of its fields in each of four dialects.
 * (POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"; star(5))
 */
import { corruptTar } from './corrupt.js';
import { ENTRY_KINDS, type EntryKind } from './entry.js';
import { parseNumericField } from './numbers.js';

export const BLOCK_SIZE = 512; // bytes

/** v7 has no device numbers and no prefix. gnu has times and a sparse map instead of one. */
export type HeaderFormat = 'v7' | 'ustar' | 'star' | 'gnu';

export interface Field {
  readonly name: string; // for messages
  readonly at: number; // bytes from the start of the block
  readonly width: number; // bytes
}

export const MODE: Field = { name: 'mode', at: 100, width: 8 };
export const UID: Field = { name: 'uid', at: 108, width: 8 };
export const GID: Field = { name: 'gid', at: 116, width: 8 };
export const SIZE: Field = { name: 'size', at: 124, width: 12 };
export const MTIME: Field = { name: 'mtime', at: 136, width: 12 };
export const CHECKSUM: Field = { name: 'checksum', at: 148, width: 8 };
export const DEVICE_MAJOR: Field = { name: 'device major', at: 329, width: 8 };
export const DEVICE_MINOR: Field = { name: 'device minor', at: 337, width: 8 };
export const REAL_SIZE: Field = { name: 'real size', at: 483, width: 12 }; // old GNU sparse only

export const NAME: Field = { name: 'name', at: 0, width: 100 };
export const TYPE_AT = 156;
export const LINK_NAME: Field = { name: 'link name', at: 157, width: 100 };
export const MAGIC_AT = 257;
const PREFIX: Field = { name: 'prefix', at: 345, width: 155 };
const STAR_PREFIX: Field = { name: 'prefix', at: 345, width: 131 }; // atime and ctime follow it
const STAR_TRAILER_AT = 508;
const SLASH = 0x2f;

const USTAR_MAGIC = Buffer.from('ustar\0'); // any version
const GNU_MAGIC = Buffer.from('ustar  \0'); // with its version
const STAR_TRAILER = Buffer.from('tar\0');

/** Type flags of headers that only have records about the next entry. */
export const PAX_HEADER = 0x78; // x
export const PAX_GLOBAL_HEADER = 0x67; // g
export const GNU_LONG_NAME = 0x4c; // L
export const GNU_LONG_LINK = 0x4b; // K

/** The old GNU sparse file, which is a file. */
export const GNU_SPARSE = 0x53; // S
/** The type flag of v7. A `/` at the end of the name marks its directories. */
const V7_FILE = 0x00;
const CONTIGUOUS_FILE = 0x37; // 7

/** The type flag of each kind. */
export const TYPE_FLAGS: Readonly<Record<EntryKind, number>> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  dir: 0x35,
  fifo: 0x36,
};

const KINDS: ReadonlyMap<number, EntryKind> = new Map<number, EntryKind>([
  ...ENTRY_KINDS.map((kind) => [TYPE_FLAGS[kind], kind] as const),
  [V7_FILE, 'file'],
  [CONTIGUOUS_FILE, 'file'],
  [GNU_SPARSE, 'file'],
]);

/** Returns the kind of a header's entry; undefined if its type flag is unknown. */
export function entryKind({ type }: HeaderBlock, path: Uint8Array): EntryKind | undefined {
  if (type === V7_FILE && path[path.length - 1] === SLASH) return 'dir';
  return KINDS.get(type);
}

/** Returns the bytes of padding after content of `size` bytes, up to a whole block. */
export function paddingAfter(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}

/** A cursor over a header block in place: one object, set for each header. */
export class HeaderBlock {
  bytes: Uint8Array = new Uint8Array(BLOCK_SIZE);
  at = 0; // of the block in `bytes`
  offset = 0; // of the block in the uncompressed tar
  type = 0;
  format: HeaderFormat = 'v7';
  readonly #joined = new Uint8Array(PREFIX.width + 1 + NAME.width);

  set(bytes: Uint8Array, at: number, offset: number): void {
    this.bytes = bytes;
    this.at = at;
    this.offset = offset;
    this.type = bytes[at + TYPE_AT]!;
    this.format = this.#readFormat();
  }

  /**
   * @throws LayerslayerError CORRUPT_LAYER if the field is not a number; values beyond 64 bits are
   *   infinite
   */
  number(field: Field): number {
    const value = parseNumericField(this.bytes, this.at + field.at, field.width);
    if (value === undefined) throw corruptTar(this.offset, `the ${field.name} field is not a number`);
    return value;
  }

  /**
   * Returns prefix and name. The view is valid until the next `set`: it is of the block, unless the
   * two had to be joined.
   */
  path(): Uint8Array {
    const name = this.#text(NAME);
    if (this.format === 'v7' || this.format === 'gnu') return name;
    const prefix = this.#text(this.format === 'star' ? STAR_PREFIX : PREFIX);
    if (prefix.length === 0) return name;
    this.#joined.set(prefix);
    this.#joined[prefix.length] = SLASH;
    this.#joined.set(name, prefix.length + 1);
    return this.#joined.subarray(0, prefix.length + 1 + name.length);
  }

  linkName(): Uint8Array {
    return this.#text(LINK_NAME);
  }

  /** Returns a field up to its first NUL, if it has one. */
  #text(field: Field): Uint8Array {
    const start = this.at + field.at;
    const limit = start + field.width;
    let end = start;
    while (end < limit && this.bytes[end] !== 0) end++;
    return this.bytes.subarray(start, end);
  }

  #readFormat(): HeaderFormat {
    if (this.#has(GNU_MAGIC, MAGIC_AT)) return 'gnu';
    if (!this.#has(USTAR_MAGIC, MAGIC_AT)) return 'v7';
    return this.#has(STAR_TRAILER, STAR_TRAILER_AT) ? 'star' : 'ustar';
  }

  #has(wanted: Uint8Array, fieldAt: number): boolean {
    for (let i = 0; i < wanted.length; i++) {
      if (this.bytes[this.at + fieldAt + i] !== wanted[i]) return false;
    }
    return true;
  }
}
