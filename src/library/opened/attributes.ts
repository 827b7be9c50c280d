import { textOfBytes } from '../../base/text/raw-text.js';
import type { EntryStat, FileStat } from '../../image/opened-image.js';
import type { EntryKind } from '../../tar/entry.js';
import type { DirectoryEntry, FileAttributes, FileStats } from '../files.js';

/** File types of `st_mode`. (inode(7)) A hard link has the type of its target, a file's. */
const TYPE_BITS: Readonly<Record<EntryKind, number>> = {
  fifo: 0o010000,
  char: 0o020000,
  dir: 0o040000,
  block: 0o060000,
  file: 0o100000,
  hardlink: 0o100000,
  symlink: 0o120000,
};
const TYPE_MASK = 0o170000;

const MS_PER_S = 1_000;
const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;

export type Attributed = Omit<EntryStat, 'kind' | 'row'> & { kind: EntryKind };

export class Attributes implements FileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly layer: number;
  readonly #mtimeSeconds: number;
  readonly #mtimeNanoseconds: number;

  constructor(from: Attributed) {
    this.mode = TYPE_BITS[from.kind] | from.mode;
    this.uid = from.uid;
    this.gid = from.gid;
    this.size = from.size;
    this.mtimeMs = from.mtimeSeconds * MS_PER_S + from.mtimeNanoseconds / NS_PER_MS;
    this.#mtimeSeconds = from.mtimeSeconds;
    this.#mtimeNanoseconds = from.mtimeNanoseconds;
    this.deviceMajor = from.deviceMajor;
    this.deviceMinor = from.deviceMinor;
    this.layer = from.layer;
  }

  get mtime(): Date {
    return new Date(Math.floor(this.mtimeMs));
  }

  /** No property of its own: JSON has no such numbers. */
  get mtimeNs(): bigint {
    return BigInt(this.#mtimeSeconds) * NS_PER_S + BigInt(this.#mtimeNanoseconds);
  }

  isFile(): boolean {
    return this.#is('file');
  }

  isDirectory(): boolean {
    return this.#is('dir');
  }

  isSymbolicLink(): boolean {
    return this.#is('symlink');
  }

  isCharacterDevice(): boolean {
    return this.#is('char');
  }

  isBlockDevice(): boolean {
    return this.#is('block');
  }

  isFIFO(): boolean {
    return this.#is('fifo');
  }

  isSocket(): boolean {
    return false;
  }

  #is(kind: EntryKind): boolean {
    return (this.mode & TYPE_MASK) === TYPE_BITS[kind];
  }
}

export class Stats extends Attributes implements FileStats {
  readonly ino: number;
  readonly nlink: number;

  constructor(from: FileStat) {
    super(from);
    this.ino = from.inode;
    this.nlink = from.nlink;
  }
}

export class Entry extends Stats implements DirectoryEntry {
  readonly name: string;
  readonly nameBytes: Buffer;
  readonly parentPath: string;

  constructor(from: FileStat & { name: Uint8Array }, parentPath: string) {
    super(from);
    this.nameBytes = Buffer.from(from.name); // a copy: the tree's column stays its own
    this.name = textOfBytes(this.nameBytes);
    this.parentPath = parentPath;
  }
}
