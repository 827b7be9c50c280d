import type { EntryTable } from '../index/entry-table.js';
import { ENTRY_KINDS } from '../tar/entry.js';
import { type HashKey, hashName, PROCESS_KEY, slotOf } from './name-hash.js';
import { type InodeKind, ROOT_INODE, SYMLINK_MODE, type Tree } from './tree.js';

/** Columns by inode; index 0 is unused. */
export interface InodeColumns {
  tables: readonly EntryTable[];
  layerNumbers: readonly number[];
  kinds: Uint8Array; // positions in ENTRY_KINDS
  layers: Uint16Array; // position in `tables` plus 1
  rows: Int32Array; // NO_ROW: implied
  nlinks: Uint32Array;
  parents: Uint32Array; // directory of the inode's first name
}

/** Columns by dentry, directory by directory. */
export interface DentryColumns {
  childStarts: Uint32Array; // by inode: its first dentry; one element more than inodes
  inodes: Uint32Array;
  nameHeaps: Uint16Array; // position in `heaps`
  nameStarts: Uint32Array;
  nameLengths: Uint8Array;
  heaps: readonly Uint8Array[];
}

/** A hash table of names. */
export interface NameSlots {
  /** Dentry plus 1 at the slot of (directory, name), or the next free one after it; 0 is free. */
  slots: Uint32Array;
  key: HashKey; // of the hashes: another thread has another one
}

/** Row of a directory that no entry names. */
const NO_ROW = -1;

/** Attributes of a directory that no entry names. (rule O1) */
const IMPLIED_MODE = 0o755;

const DIRECTORY_SIZE = 4096;
const BLOCK_SIZE = 4096;
const STAT_BLOCK_SIZE = 512;

const NO_XATTRS: readonly never[] = [];

/** The merged tree as columns: 19 bytes an inode, 11 a dentry, 6 to 12 a slot of its name. */
export class MergedTree implements Tree {
  readonly inodeCount: number;
  readonly blocks: number;
  /** Built by the first lookup: a mount is ready earlier. */
  #names: NameSlots | undefined;

  /** @param known what need not be counted or built */
  constructor(
    readonly inodes: InodeColumns,
    readonly dentries: DentryColumns,
    known: { blocks?: number | undefined; names?: NameSlots | undefined } = {},
  ) {
    this.inodeCount = inodes.kinds.length - 1;
    this.blocks = known.blocks ?? this.#countBlocks();
    this.#names = known.names;
  }

  /** Where names are, if that was built. */
  get builtNames(): NameSlots | undefined {
    return this.#names;
  }

  /** Builds what the first lookup would build: 10^6 names take 0.2 s. */
  prepareLookups(): void {
    this.#names ??= { slots: this.#buildSlots(), key: PROCESS_KEY };
  }

  kind(inode: number): InodeKind {
    return ENTRY_KINDS[this.inodes.kinds[inode]!] as InodeKind;
  }

  mode(inode: number): number {
    const table = this.#table(inode);
    if (table === undefined) return IMPLIED_MODE;
    return this.kind(inode) === 'symlink' ? SYMLINK_MODE : table.mode(this.inodes.rows[inode]!);
  }

  uid(inode: number): number {
    return this.#table(inode)?.uid(this.inodes.rows[inode]!) ?? 0;
  }

  gid(inode: number): number {
    return this.#table(inode)?.gid(this.inodes.rows[inode]!) ?? 0;
  }

  size(inode: number): number {
    const kind = this.kind(inode);
    if (kind === 'dir') return DIRECTORY_SIZE;
    if (kind === 'file') return this.#table(inode)!.size(this.inodes.rows[inode]!);
    return kind === 'symlink' ? this.linkTarget(inode).length : 0;
  }

  blocks512(inode: number): number {
    return Math.ceil(this.#dataSize(inode) / STAT_BLOCK_SIZE);
  }

  mtimeSeconds(inode: number): number {
    return this.#table(inode)?.mtimeSeconds(this.inodes.rows[inode]!) ?? 0;
  }

  mtimeNanoseconds(inode: number): number {
    return this.#table(inode)?.mtimeNanoseconds(this.inodes.rows[inode]!) ?? 0;
  }

  deviceMajor(inode: number): number {
    return this.#table(inode)?.deviceMajor(this.inodes.rows[inode]!) ?? 0;
  }

  deviceMinor(inode: number): number {
    return this.#table(inode)?.deviceMinor(this.inodes.rows[inode]!) ?? 0;
  }

  nlink(inode: number): number {
    return this.inodes.nlinks[inode]!;
  }

  layerOf(inode: number): number {
    return this.inodes.layerNumbers[this.inodes.layers[inode]! - 1] ?? 0;
  }

  rowOf(inode: number): number {
    return this.inodes.rows[inode]!;
  }

  linkTarget(inode: number): Uint8Array {
    return this.#table(inode)!.linkTarget(this.inodes.rows[inode]!);
  }

  xattrs(inode: number): readonly { name: Uint8Array; value: Uint8Array }[] {
    return this.#table(inode)?.xattrs(this.inodes.rows[inode]!) ?? NO_XATTRS;
  }

  lookup(parent: number, name: Uint8Array): number {
    const { inodes, nameLengths } = this.dentries;
    const start = this.childStart(parent);
    const end = this.childEnd(parent);
    if (start === end) return 0;
    if (!this.#names) this.prepareLookups();
    const { slots, key } = this.#names!;
    const mask = slots.length - 1;
    let slot = slotOf(parent, hashName(name, 0, name.length, key), mask);
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const dentry = found - 1;
      // A directory's dentries are adjacent: their range serves as a column of parents.
      if (
        dentry >= start &&
        dentry < end &&
        nameLengths[dentry] === name.length &&
        this.#hasName(dentry, name)
      ) {
        return inodes[dentry]!;
      }
      slot = (slot + 1) & mask;
    }
    return 0;
  }

  parentOf(inode: number): number {
    return this.inodes.parents[inode]!;
  }

  childStart(directory: number): number {
    return this.dentries.childStarts[directory]!;
  }

  childEnd(directory: number): number {
    return this.dentries.childStarts[directory + 1]!;
  }

  dentryInode(dentry: number): number {
    return this.dentries.inodes[dentry]!;
  }

  dentryName(dentry: number): Uint8Array {
    const start = this.dentries.nameStarts[dentry]!;
    return this.dentries.heaps[this.dentries.nameHeaps[dentry]!]!.subarray(
      start,
      start + this.dentries.nameLengths[dentry]!,
    );
  }

  /** The table with the inode's entry; undefined when implied. */
  #table(inode: number): EntryTable | undefined {
    if (this.inodes.rows[inode] === NO_ROW) return undefined;
    return this.inodes.tables[this.inodes.layers[inode]! - 1];
  }

  /** Bytes that a file's content takes: holes take none. */
  #dataSize(inode: number): number {
    if (this.kind(inode) !== 'file') return 0;
    return this.#table(inode)!.storedSize(this.inodes.rows[inode]!);
  }

  #hasName(dentry: number, name: Uint8Array): boolean {
    const heap = this.dentries.heaps[this.dentries.nameHeaps[dentry]!]!;
    const start = this.dentries.nameStarts[dentry]!;
    for (let i = 0; i < name.length; i++) if (heap[start + i] !== name[i]) return false;
    return true;
  }

  #buildSlots(): Uint32Array {
    const { childStarts, nameHeaps, nameStarts, nameLengths, heaps } = this.dentries;
    // At most two thirds full: linear probing stays short.
    const slots = new Uint32Array(2 ** Math.ceil(Math.log2(nameStarts.length * 1.5 + 1)));
    const mask = slots.length - 1;
    for (let directory = ROOT_INODE; directory <= this.inodeCount; directory++) {
      const end = childStarts[directory + 1]!;
      for (let dentry = childStarts[directory]!; dentry < end; dentry++) {
        const start = nameStarts[dentry]!;
        const hash = hashName(heaps[nameHeaps[dentry]!]!, start, start + nameLengths[dentry]!);
        let slot = slotOf(directory, hash, mask);
        while (slots[slot] !== 0) slot = (slot + 1) & mask;
        slots[slot] = dentry + 1;
      }
    }
    return slots;
  }

  #countBlocks(): number {
    let blocks = 0;
    for (let inode = ROOT_INODE; inode <= this.inodeCount; inode++) {
      if (this.kind(inode) === 'dir') blocks += DIRECTORY_SIZE / BLOCK_SIZE;
      else blocks += Math.ceil(this.#dataSize(inode) / BLOCK_SIZE);
    }
    return blocks;
  }
}
