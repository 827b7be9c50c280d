import { createHash } from 'node:crypto';
import { LayerslayerError } from '../base/errors.js';
import type { ExtendedAttribute, TarEntry } from '../tar/entry.js';
import { ByteHeap, grown, mapColumns } from './growing.js';
import type { TableBudget } from './table-budget.js';

/**
 * Owner, mode, device and xattrs of entries as columns, each distinct set once. Most layers have
 * few sets, but with signed files (`security.ima`) there are as many as files.
 */
export interface AttributeColumns extends SetColumns {
  length: number;
  xattrStarts: Uint32Array; // length + 1 offsets in xattrHeap
  xattrHeap: Uint8Array; // per xattr: HEAD_LENGTH bytes of lengths, name, value
}

type SetColumns = ReturnType<typeof setColumns>;

/** The columns with a number a set, in the order in which an index stores them. */
export function setColumns(length: number) {
  return {
    modes: new Uint16Array(length),
    uids: new Uint32Array(length),
    gids: new Uint32Array(length),
    deviceMajors: new Uint32Array(length),
    deviceMinors: new Uint32Array(length),
  };
}

/** Header of one xattr in the heap: length of its name (u16) and value (u32), little-endian. */
const HEAD_LENGTH = 6;

/** Bytes of a set besides its xattrs: columns, key and map slot (estimated). */
const SET_COST = 192;

const FIRST_CAPACITY = 16;
const NO_XATTRS: readonly never[] = [];

/** Numbers the different sets of a layer, in the order of their first entries. */
export class AttributeSets {
  readonly #numbers = new Map<string, number>();
  readonly #limit: number;
  readonly #budget: TableBudget;
  #bytes = 0; // of all sets, as the limit counts them
  #last = 0; // entries side by side are mostly alike
  #length = 0;
  #columns = setColumns(FIRST_CAPACITY);
  #xattrStarts = new Uint32Array(FIRST_CAPACITY + 1);
  readonly #xattrHeap: ByteHeap;

  /** @param limit bytes of all sets, each xattr name and value and SET_COST counted */
  constructor(limit: number, budget: TableBudget) {
    this.#limit = limit;
    this.#budget = budget;
    this.#xattrHeap = new ByteHeap('extended attributes', limit);
  }

  /**
   * @returns the index of the entry's set
   * @throws LayerslayerError UNSUPPORTED past the limit or the budget
   */
  numberOf(entry: TarEntry): number {
    if (this.#length === 0 || !this.#isPlainAlike(this.#last, entry)) this.#last = this.#find(entry);
    return this.#last;
  }

  /** Returns the sets so far. Sets added later do not change them. */
  finish(): AttributeColumns {
    const length = this.#length;
    return {
      ...mapColumns(this.#columns, (column) => column.subarray(0, length)),
      length,
      xattrStarts: this.#xattrStarts.subarray(0, length + 1),
      xattrHeap: this.#xattrHeap.finish(),
    };
  }

  #find(entry: TarEntry): number {
    const { mode, uid, gid, deviceMajor, deviceMinor } = entry;
    const xattrs = packXattrs(entry.xattrs);
    let key = `${mode} ${uid} ${gid} ${deviceMajor} ${deviceMinor}`;
    // Keyed by digest: full keys would take as much memory as the values.
    if (xattrs.length > 0) key += ` ${createHash('sha256').update(xattrs).digest('binary')}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#budget.spend(xattrs.length + SET_COST);
    this.#bytes += xattrs.length + SET_COST;
    if (this.#bytes > this.#limit) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `the layer's different owners, modes and extended attributes take more than the limit of ${this.#limit} bytes`,
      );
    }
    const number = this.#length++;
    const capacity = this.#columns.modes.length;
    if (number === capacity) {
      this.#columns = mapColumns(this.#columns, (column) => grown(column, 2 * capacity));
      this.#xattrStarts = grown(this.#xattrStarts, 2 * capacity + 1);
    }
    this.#columns.modes[number] = mode;
    this.#columns.uids[number] = uid;
    this.#columns.gids[number] = gid;
    this.#columns.deviceMajors[number] = deviceMajor;
    this.#columns.deviceMinors[number] = deviceMinor;
    this.#xattrStarts[number + 1] = this.#xattrHeap.append(xattrs);
    this.#numbers.set(key, number);
    return number;
  }

  /** Returns whether the sets are equal and have no xattrs, whose bytes are not compared. */
  #isPlainAlike(number: number, entry: TarEntry): boolean {
    const { modes, uids, gids, deviceMajors, deviceMinors } = this.#columns;
    return (
      modes[number] === entry.mode &&
      uids[number] === entry.uid &&
      gids[number] === entry.gid &&
      deviceMajors[number] === entry.deviceMajor &&
      deviceMinors[number] === entry.deviceMinor &&
      this.#xattrStarts[number] === this.#xattrStarts[number + 1] &&
      entry.xattrs.length === 0
    );
  }
}

/** Returns the xattrs of a set; views. */
export function xattrsOf(sets: AttributeColumns, number: number): readonly ExtendedAttribute[] {
  const { xattrHeap: heap, xattrStarts } = sets;
  const end = xattrStarts[number + 1]!;
  let at = xattrStarts[number]!;
  if (at === end) return NO_XATTRS;
  const view = new DataView(heap.buffer, heap.byteOffset, heap.byteLength);
  const xattrs: ExtendedAttribute[] = [];
  while (at < end) {
    const nameEnd = at + HEAD_LENGTH + view.getUint16(at, true);
    const valueEnd = nameEnd + view.getUint32(at + 2, true);
    xattrs.push({ name: heap.subarray(at + HEAD_LENGTH, nameEnd), value: heap.subarray(nameEnd, valueEnd) });
    at = valueEnd;
  }
  return xattrs;
}

function packXattrs(xattrs: readonly ExtendedAttribute[]): Uint8Array {
  return Buffer.concat(
    xattrs.flatMap(({ name, value }) => {
      const head = Buffer.alloc(HEAD_LENGTH);
      head.writeUInt16LE(name.length, 0);
      head.writeUInt32LE(value.length, 2);
      return [head, name, value];
    }),
  );
}
