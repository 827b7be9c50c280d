/** No directory, no row. */
export const NONE = -1;

export const ROOT_DIRECTORY = 0;

/** FNV-1a. (draft-eastlake-fnv, 32 bits) */
const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
/** 2^32 divided by the golden ratio: spreads numbers that follow each other. */
const GOLDEN = 0x9e3779b1 | 0;

const FIRST_CAPACITY = 256;

/** Bytes of a directory in the columns and slots. */
const DIRECTORY_BYTES = 4 * 6 + 3 + 8;

/** Returns the hash of a name, read from its end: there `readRows` finds it. */
export function nameHash(heap: Uint8Array, from: number, to: number): number {
  let hash = FNV_OFFSET;
  for (let at = to - 1; at >= from; at--) hash = Math.imul(hash ^ heap[at]!, FNV_PRIME);
  return hash;
}

/** Returns the first slot of a name in a directory. @param mask a power of two, minus 1 */
export function slotOf(directory: number, hash: number, mask: number): number {
  const mixed = Math.imul(hash ^ Math.imul(directory, GOLDEN), GOLDEN);
  return (mixed ^ (mixed >>> 15)) & mask;
}

/**
 * The directories of a layer as growing columns, and a hash table by parent and name. The root is
 * the first; parents come before what is below them.
 */
export class DirectoryColumns {
  length = 0;
  parents = new Int32Array(FIRST_CAPACITY);
  /** First row below that makes a directory of it. */
  firstRows = new Int32Array(FIRST_CAPACITY);
  /** Last row in it. */
  lastRows = new Int32Array(FIRST_CAPACITY);
  nameStarts = new Uint32Array(FIRST_CAPACITY);
  nameEnds = new Uint32Array(FIRST_CAPACITY);
  isMarker = new Uint8Array(FIRST_CAPACITY); // it or one above is named as one
  hasRow = new Uint8Array(FIRST_CAPACITY);
  hasLinks = new Uint8Array(FIRST_CAPACITY); // hard links are below
  #hashes = new Int32Array(FIRST_CAPACITY);
  /** A number plus 1, at the slot of its parent and name or the next free one. */
  #slots = new Int32Array(2 * FIRST_CAPACITY);

  /** @param heap that names lie in */
  constructor(private readonly heap: Uint8Array) {
    this.#append(NONE, 0, 0, 0, false);
    this.hasRow[ROOT_DIRECTORY] = 1;
  }

  /** Bytes in memory. */
  get size(): number {
    return this.parents.length * DIRECTORY_BYTES;
  }

  /** Returns the directory of a name, NONE if there is none. @param heap that the name lies in */
  find(parent: number, hash: number, heap: Uint8Array, from: number, to: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = slotOf(parent, hash, mask); this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (this.#hashes[found] !== hash || this.parents[found] !== parent) continue;
      const start = this.nameStarts[found]!;
      let isSame = this.nameEnds[found]! - start === to - from;
      for (let i = to - from - 1; isSame && i >= 0; i--) isSame = this.heap[start + i] === heap[from + i];
      if (isSame) return found;
    }
    return NONE;
  }

  /** Returns whether a directory has a name of this hash. */
  mayHave(parent: number, hash: number): boolean {
    const mask = this.#slots.length - 1;
    for (let slot = slotOf(parent, hash, mask); this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (this.#hashes[found] === hash && this.parents[found] === parent) return true;
    }
    return false;
  }

  /** @returns the number of the new directory */
  add(parent: number, hash: number, from: number, to: number, isMarker: boolean): number {
    if (this.length === this.parents.length) this.#grow();
    const directory = this.#append(parent, hash, from, to, isMarker || this.isMarker[parent] === 1);
    this.#place(directory);
    return directory;
  }

  /** Bytes of a directory's path, without slashes at its ends. */
  pathLength(directory: number): number {
    let length = -1;
    for (let at = directory; at !== ROOT_DIRECTORY; at = this.parents[at]!)
      length += 1 + this.nameEnds[at]! - this.nameStarts[at]!;
    return Math.max(0, length);
  }

  #append(parent: number, hash: number, from: number, to: number, isMarker: boolean): number {
    const directory = this.length++;
    this.parents[directory] = parent;
    this.firstRows[directory] = NONE;
    this.lastRows[directory] = NONE;
    this.nameStarts[directory] = from;
    this.nameEnds[directory] = to;
    this.isMarker[directory] = isMarker ? 1 : 0;
    this.#hashes[directory] = hash;
    return directory;
  }

  #place(directory: number): void {
    const mask = this.#slots.length - 1;
    let slot = slotOf(this.parents[directory]!, this.#hashes[directory]!, mask);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = directory + 1;
  }

  #grow(): void {
    const capacity = 2 * this.length;
    this.parents = enlarged(this.parents, new Int32Array(capacity));
    this.firstRows = enlarged(this.firstRows, new Int32Array(capacity));
    this.lastRows = enlarged(this.lastRows, new Int32Array(capacity));
    this.nameStarts = enlarged(this.nameStarts, new Uint32Array(capacity));
    this.nameEnds = enlarged(this.nameEnds, new Uint32Array(capacity));
    this.isMarker = enlarged(this.isMarker, new Uint8Array(capacity));
    this.hasRow = enlarged(this.hasRow, new Uint8Array(capacity));
    this.hasLinks = enlarged(this.hasLinks, new Uint8Array(capacity));
    this.#hashes = enlarged(this.#hashes, new Int32Array(capacity));
    this.#slots = new Int32Array(2 * capacity);
    for (let directory = 1; directory < this.length; directory++) this.#place(directory);
  }
}

function enlarged<C extends Uint8Array | Int32Array | Uint32Array>(column: C, larger: C): C {
  larger.set(column);
  return larger;
}
