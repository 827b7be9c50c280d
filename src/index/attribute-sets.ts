import { createHash } from 'node:crypto';
import { grown, mapColumns, shared } from '../base/columns.js';
import { LayerslayerError } from '../base/errors.js';
import type { ExtendedAttribute, TarEntry } from '../tar/entry.js';
import { GrowingStrings, type Strings } from './growing.js';
import type { TableBudget } from './pass/table-budget.js';

/**
 * Owner, mode, device and xattrs of entries as columns, each distinct set once. Most layers have
 * few sets, but with signed files (`security.ima`) there are as many as files.
 */
export interface AttributeColumns extends SetColumns {
  length: number;
  xattrs: Strings; // of each set, per xattr: HEAD_LENGTH bytes of lengths, name, value
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
const NOTHING = new Uint8Array(0);

/** Numbers the different sets of a layer, in the order of their first entries. */
export class AttributeSets {
  readonly #numbers = new Map<string, number>();
  readonly #limit: number;
  readonly #budget: TableBudget;
  #bytes = 0; // of all sets, as the limit counts them
  #last = 0; // entries side by side are mostly alike
  #isLastPlain = false; // it has no xattrs, whose bytes are not compared
  #length = 0;
  #columns = setColumns(FIRST_CAPACITY);
  readonly #xattrs: GrowingStrings;

  /**
   * @param limit bytes of all sets, each xattr name and value and SET_COST counted
   * @param isShared in memory that threads share
   */
  constructor(limit: number, budget: TableBudget, isShared = false) {
    this.#limit = limit;
    this.#budget = budget;
    this.#xattrs = new GrowingStrings('extended attributes', limit, isShared);
    if (isShared) this.#columns = mapColumns(this.#columns, shared);
  }

  /**
   * @returns the index of the entry's set
   * @throws LayerslayerError UNSUPPORTED past the limit or the budget
   */
  numberOf(entry: TarEntry): number {
    if (entry.xattrs.length === 0 && this.#isLastPlain && this.#isLast(entry)) return this.#last;
    this.#last = this.#find(entry);
    this.#isLastPlain = entry.xattrs.length === 0;
    return this.#last;
  }

  /** Returns the sets so far. Sets added later do not change them. */
  finish(): AttributeColumns {
    const length = this.#length;
    return {
      ...mapColumns(this.#columns, (column) => column.subarray(0, length)),
      length,
      xattrs: this.#xattrs.finish(),
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
    }
    this.#columns.modes[number] = mode;
    this.#columns.uids[number] = uid;
    this.#columns.gids[number] = gid;
    this.#columns.deviceMajors[number] = deviceMajor;
    this.#columns.deviceMinors[number] = deviceMinor;
    this.#xattrs.append(xattrs);
    this.#numbers.set(key, number);
    return number;
  }

  /** Returns whether the entry has the last set, except for xattrs. */
  #isLast(entry: TarEntry): boolean {
    const number = this.#last;
    const { modes, uids, gids, deviceMajors, deviceMinors } = this.#columns;
    return (
      modes[number] === entry.mode &&
      uids[number] === entry.uid &&
      gids[number] === entry.gid &&
      deviceMajors[number] === entry.deviceMajor &&
      deviceMinors[number] === entry.deviceMinor
    );
  }
}

/** Returns the xattrs of a set; views. */
export function xattrsOf(sets: AttributeColumns, number: number): readonly ExtendedAttribute[] {
  const { heap, starts } = sets.xattrs;
  const end = starts[number + 1]!;
  let at = starts[number]!;
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
  if (xattrs.length === 0) return NOTHING;
  return Buffer.concat(
    xattrs.flatMap(({ name, value }) => {
      const head = Buffer.alloc(HEAD_LENGTH);
      head.writeUInt16LE(name.length, 0);
      head.writeUInt32LE(value.length, 2);
      return [head, name, value];
    }),
  );
}
