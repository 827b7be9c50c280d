import { LayerslayerError } from '../../base/errors.js';
import { garbageMade } from '../../base/process/garbage.js';
import type { EntryTable } from '../../index/entry-table.js';
import { ENTRY_KINDS } from '../../tar/entry.js';
import { DENTRY_COST, INODE_COST, MAX_DRAFT_INODES } from '../limits.js';
import { hashName, slotOf } from '../name-hash.js';
import type { PathComponents } from '../path-components.js';
import type { HidingWay, MergeObserver } from './merge-observer.js';

/** No inode, no dentry, no row. */
export const NONE = -1;

/** Kinds in the `kinds` column: positions in ENTRY_KINDS. */
export const DIRECTORY = ENTRY_KINDS.indexOf('dir');
export const SYMLINK = ENTRY_KINDS.indexOf('symlink');
export const HARD_LINK = ENTRY_KINDS.indexOf('hardlink');

/** `layers` of the root until an entry names it. */
const BASE_LAYER = 1;

/** Bytes of an inode and a dentry in their columns. */
const INODE_BYTES = 11;
const DENTRY_BYTES = 31;

/** First size of a column: a layer of a few files. A search holds a draft of each layer. */
const MIN_CAPACITY = 64;

/**
 * The tree while layers are applied: inodes and dentries as growing columns (34 bytes an entry),
 * and a hash table (4 to 8 more) from (directory, name) to the dentry. Nothing is ever freed: to
 * take a subtree away its dentry is unlinked, and what hung below is left behind out of reach, so
 * that hiding a directory costs the same whatever its size.
 */
export class DraftTree {
  inodeCount = 0;
  kinds = new Uint8Array(0);
  /** Position in `tables` plus 1, of the layer of the entry or that implied the directory. */
  layers = new Uint16Array(0);
  /** NONE when no entry names the inode. */
  rows = new Int32Array(0);
  /** Of directories; the root's is itself. */
  parents = new Int32Array(0);

  dentryCount = 0;
  dentryParents = new Int32Array(0);
  /** NONE when the dentry was taken away. */
  dentryInodes = new Int32Array(0);
  /** Which of `heaps` the name's bytes lie in. */
  nameHeaps = new Uint16Array(0);
  nameStarts = new Uint32Array(0);
  nameLengths = new Uint8Array(0);
  nameHashes = new Uint32Array(0);
  #chain = new Int32Array(0); // next dentry of the same slot
  #slots = new Int32Array(0);

  root: number;
  /** A second root, never shown: of aufs metadata. */
  readonly aufsRoot: number;
  /** The layers' path heaps, then one for names that link targets contain. */
  readonly heaps: Uint8Array[];
  #spareUsed = 0;
  #spent = 0; // bytes of the merge at its peak

  readonly tables: EntryTable[];
  observer: MergeObserver | undefined;

  constructor(
    tables: readonly EntryTable[],
    readonly maxInodes: number = MAX_DRAFT_INODES,
    readonly maxBytes: number = Number.POSITIVE_INFINITY,
  ) {
    this.tables = [...tables];
    const entries = tables.reduce((sum, table) => sum + table.length, 0);
    const capacity = Math.max(MIN_CAPACITY, entries + (entries >> 4));
    this.#resizeInodes(capacity);
    this.#resizeDentries(capacity);
    this.heaps = [...tables.map((table) => table.pathHeap), new Uint8Array(0)];
    this.root = this.addDirectory(0, BASE_LAYER);
    this.aufsRoot = this.addDirectory(this.inodeCount, BASE_LAYER);
  }

  /** Inodes of entries are numbered in the order of layers and rows: `freeze` counts on it. */
  addInode(kind: number, layer: number, row: number): number {
    if (this.inodeCount === this.maxInodes) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `merging layers: more than ${this.maxInodes} files and directories, the limit`,
      );
    }
    this.#spend(INODE_COST);
    if (this.inodeCount === this.kinds.length) this.#resizeInodes(this.inodeCount * 2);
    const inode = this.inodeCount++;
    this.kinds[inode] = kind;
    this.layers[inode] = layer;
    this.rows[inode] = row;
    return inode;
  }

  /** A directory that no entry names (yet). */
  addDirectory(parent: number, layer: number): number {
    const inode = this.addInode(DIRECTORY, layer, NONE);
    this.parents[inode] = parent;
    return inode;
  }

  /** The dentry of a name in a directory, or NONE. */
  find(directory: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    let dentry = this.#slots[slotOf(directory, hash, this.#slots.length - 1)]!;
    while (dentry !== NONE) {
      if (
        this.nameHashes[dentry] === hash &&
        this.dentryParents[dentry] === directory &&
        this.nameLengths[dentry] === length &&
        this.#hasName(dentry, bytes, start, end)
      ) {
        return dentry;
      }
      dentry = this.#chain[dentry]!;
    }
    return NONE;
  }

  /** As `find`, for a component of a path; `skip` bytes of it are no part of the name. */
  findComponent(
    directory: number,
    { heap, starts, ends }: PathComponents,
    component: number,
    skip = 0,
  ): number {
    const start = starts[component]! + skip;
    const end = ends[component]!;
    return this.find(directory, hashName(heap, start, end), heap, start, end);
  }

  findName(directory: number, name: Uint8Array): number {
    return this.find(directory, hashName(name, 0, name.length), name, 0, name.length);
  }

  /** The inode of the same name in another directory, or NONE. */
  inodeNamedAs(dentry: number, directory: number): number {
    const name = this.nameOf(dentry);
    const found = this.find(directory, this.nameHashes[dentry]!, name, 0, name.length);
    return found === NONE ? NONE : this.dentryInodes[found]!;
  }

  nameOf(dentry: number): Uint8Array {
    const start = this.nameStarts[dentry]!;
    return this.heaps[this.nameHeaps[dentry]!]!.subarray(start, start + this.nameLengths[dentry]!);
  }

  /** The caller knows that the directory has no such name. */
  link(directory: number, hash: number, inode: number, heap: number, start: number, length: number): number {
    this.#spend(DENTRY_COST);
    if (this.dentryCount === this.dentryParents.length) this.#resizeDentries(this.dentryCount * 2);
    const dentry = this.dentryCount++;
    this.dentryParents[dentry] = directory;
    this.dentryInodes[dentry] = inode;
    this.nameHeaps[dentry] = heap;
    this.nameStarts[dentry] = start;
    this.nameLengths[dentry] = length;
    this.nameHashes[dentry] = hash;
    this.#chainUp(dentry);
    return dentry;
  }

  /** As `link`, for a name whose bytes must be kept. */
  linkCopy(directory: number, name: Uint8Array, inode: number): number {
    const spare = this.heaps.length - 1;
    let heap = this.heaps[spare]!;
    if (this.#spareUsed + name.length > heap.length) {
      heap = enlarged(heap, new Uint8Array(Math.max(MIN_CAPACITY, (this.#spareUsed + name.length) * 2)));
      this.heaps[spare] = heap;
    }
    heap.set(name, this.#spareUsed);
    const start = this.#spareUsed;
    this.#spareUsed += name.length;
    return this.link(directory, hashName(name, 0, name.length), inode, spare, start, name.length);
  }

  /** Another inode, or NONE, takes the name. */
  setInode(dentry: number, inode: number, how: HidingWay = 'replaced'): void {
    if (this.dentryInodes[dentry] === inode) return;
    this.observer?.taken?.(dentry, inode, how);
    this.dentryInodes[dentry] = inode;
  }

  /** As `setInode`; `start` says where the same bytes lie in the new heap. */
  replace(dentry: number, inode: number, heap: number, start: number): void {
    this.setInode(dentry, inode);
    this.nameHeaps[dentry] = heap;
    this.nameStarts[dentry] = start;
  }

  /** Removes a name by a whiteout. */
  unlink(dentry: number): void {
    this.setInode(dentry, NONE, 'whiteout');
    const slot = slotOf(this.dentryParents[dentry]!, this.nameHashes[dentry]!, this.#slots.length - 1);
    let before = this.#slots[slot]!;
    if (before === dentry) {
      this.#slots[slot] = this.#chain[dentry]!;
    } else {
      while (this.#chain[before] !== dentry) before = this.#chain[before]!;
      this.#chain[before] = this.#chain[dentry]!;
    }
  }

  /** An entry names the directory. */
  setAttributes(directory: number, layer: number, row: number): void {
    this.layers[directory] = layer;
    this.rows[directory] = row;
  }

  /** Takes a longer table of the same layer, which begins with the rows of the one before. */
  extend(position: number, table: EntryTable): void {
    this.tables[position] = table;
    this.heaps[position] = table.pathHeap;
  }

  /** The directory without its children: another inode, which the caller puts in place. */
  emptied(directory: number): number {
    const inode = this.addInode(DIRECTORY, this.layers[directory]!, this.rows[directory]!);
    this.parents[inode] = this.parents[directory]!;
    if (directory === this.root) {
      this.root = inode;
      this.parents[inode] = inode;
    }
    return inode;
  }

  linkTarget(inode: number): Uint8Array {
    return this.tables[this.layers[inode]! - 1]!.linkTarget(this.rows[inode]!);
  }

  /** Peak bytes of the merge, as counted. */
  get spentBytes(): number {
    return this.#spent;
  }

  /** Bytes of the columns. */
  get bytes(): number {
    return this.inodeCount * INODE_BYTES + this.dentryCount * DENTRY_BYTES;
  }

  /** `heaps` without room to grow. */
  finishedHeaps(): Uint8Array[] {
    return this.heaps.map((heap, i) => (i < this.tables.length ? heap : heap.slice(0, this.#spareUsed)));
  }

  #hasName(dentry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const heap = this.heaps[this.nameHeaps[dentry]!]!;
    const at = this.nameStarts[dentry]! - start;
    for (let i = start; i < end; i++) if (bytes[i] !== heap[at + i]) return false;
    return true;
  }

  #chainUp(dentry: number): void {
    const slot = slotOf(this.dentryParents[dentry]!, this.nameHashes[dentry]!, this.#slots.length - 1);
    this.#chain[dentry] = this.#slots[slot]!;
    this.#slots[slot] = dentry;
  }

  /** Short paths can imply many directories: the number of entries is no bound. */
  #spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > this.maxBytes) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `merging layers: files and directories take more than the limit of ${Math.floor(this.maxBytes)} bytes`,
      );
    }
  }

  #resizeInodes(capacity: number): void {
    this.kinds = enlarged(this.kinds, new Uint8Array(capacity));
    this.layers = enlarged(this.layers, new Uint16Array(capacity));
    this.rows = enlarged(this.rows, new Int32Array(capacity));
    this.parents = enlarged(this.parents, new Int32Array(capacity));
    garbageMade(this.inodeCount * INODE_BYTES);
  }

  #resizeDentries(capacity: number): void {
    this.dentryParents = enlarged(this.dentryParents, new Int32Array(capacity));
    this.dentryInodes = enlarged(this.dentryInodes, new Int32Array(capacity));
    this.nameHeaps = enlarged(this.nameHeaps, new Uint16Array(capacity));
    this.nameStarts = enlarged(this.nameStarts, new Uint32Array(capacity));
    this.nameLengths = enlarged(this.nameLengths, new Uint8Array(capacity));
    this.nameHashes = enlarged(this.nameHashes, new Uint32Array(capacity));
    this.#chain = new Int32Array(0);
    this.#slots = new Int32Array(0);
    garbageMade(this.dentryCount * DENTRY_BYTES);
    this.#chain = new Int32Array(capacity);
    this.#slots = new Int32Array(tableSize(capacity)).fill(NONE);
    for (let dentry = 0; dentry < this.dentryCount; dentry++) {
      if (this.dentryInodes[dentry] !== NONE) this.#chainUp(dentry);
    }
  }
}

/** Slots for `capacity` dentries: the power of two that keeps chains short. */
function tableSize(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity));
}

function enlarged<C extends Uint8Array | Uint16Array | Int32Array | Uint32Array>(
  column: Uint8Array | C,
  larger: C,
): C {
  larger.set(column);
  return larger;
}
