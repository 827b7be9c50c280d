import { createHash } from 'node:crypto';
import { LayerslayerError } from '../base/errors.js';
import type { ExtendedAttribute, TarEntry } from '../tar/entry.js';
import { ByteHeap } from './byte-heap.js';

/**
 * Owner, mode, device and xattrs of entries as columns, each distinct set once. Most layers have
 * few sets, but with signed files (`security.ima`) there are as many as files.
 */
export interface AttributeColumns {
  length: number;
  modes: Uint16Array;
  uids: Uint32Array;
  gids: Uint32Array;
  deviceMajors: Uint32Array;
  deviceMinors: Uint32Array;
  xattrStarts: Uint32Array; // length + 1 offsets in xattrHeap
  xattrHeap: Uint8Array; // per xattr: HEAD_LENGTH bytes of lengths, name, value
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
  #bytes = 0;
  #last = 0; // entries side by side are mostly alike
  #length = 0;
  #modes = new Uint16Array(FIRST_CAPACITY);
  #uids = new Uint32Array(FIRST_CAPACITY);
  #gids = new Uint32Array(FIRST_CAPACITY);
  #deviceMajors = new Uint32Array(FIRST_CAPACITY);
  #deviceMinors = new Uint32Array(FIRST_CAPACITY);
  #xattrStarts = new Uint32Array(FIRST_CAPACITY + 1);
  readonly #xattrHeap: ByteHeap;

  /** @param limit bytes of all sets, each xattr name and value and SET_COST counted */
  constructor(limit: number) {
    this.#limit = limit;
    this.#xattrHeap = new ByteHeap('extended attributes', limit);
  }

  /** Bytes of all sets, as the limit counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @returns the index of the entry's set
   * @throws LayerslayerError UNSUPPORTED past the limit
   */
  numberOf(entry: TarEntry): number {
    if (this.#length > 0 && this.#isPlainAlike(this.#last, entry)) return this.#last;
    this.#last = this.#find(entry);
    return this.#last;
  }

  /** Returns the sets so far. Sets added later do not change them. */
  finish(): AttributeColumns {
    const length = this.#length;
    return {
      length,
      modes: this.#modes.subarray(0, length),
      uids: this.#uids.subarray(0, length),
      gids: this.#gids.subarray(0, length),
      deviceMajors: this.#deviceMajors.subarray(0, length),
      deviceMinors: this.#deviceMinors.subarray(0, length),
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
    this.#bytes += xattrs.length + SET_COST;
    if (this.#bytes > this.#limit) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `the layer's different owners, modes and extended attributes take more than the limit of ${this.#limit} bytes`,
      );
    }
    const number = this.#length++;
    if (number === this.#modes.length) this.#grow();
    this.#modes[number] = mode;
    this.#uids[number] = uid;
    this.#gids[number] = gid;
    this.#deviceMajors[number] = deviceMajor;
    this.#deviceMinors[number] = deviceMinor;
    this.#xattrStarts[number + 1] = this.#xattrHeap.append(xattrs);
    this.#numbers.set(key, number);
    return number;
  }

  /**
   * Returns whether the sets are equal and have no xattrs; comparing xattrs would be byte by byte.
   */
  #isPlainAlike(number: number, entry: TarEntry): boolean {
    return (
      this.#modes[number] === entry.mode &&
      this.#uids[number] === entry.uid &&
      this.#gids[number] === entry.gid &&
      this.#deviceMajors[number] === entry.deviceMajor &&
      this.#deviceMinors[number] === entry.deviceMinor &&
      this.#xattrStarts[number] === this.#xattrStarts[number + 1] &&
      entry.xattrs.length === 0
    );
  }

  #grow(): void {
    const capacity = this.#modes.length * 2;
    const grown = <T extends Uint16Array | Uint32Array>(from: T, into: T): T => {
      into.set(from as never);
      return into;
    };
    this.#modes = grown(this.#modes, new Uint16Array(capacity));
    this.#uids = grown(this.#uids, new Uint32Array(capacity));
    this.#gids = grown(this.#gids, new Uint32Array(capacity));
    this.#deviceMajors = grown(this.#deviceMajors, new Uint32Array(capacity));
    this.#deviceMinors = grown(this.#deviceMinors, new Uint32Array(capacity));
    this.#xattrStarts = grown(this.#xattrStarts, new Uint32Array(capacity + 1));
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
  if (xattrs.length === 0) return NOTHING;
  let size = 0;
  for (const { name, value } of xattrs) size += HEAD_LENGTH + name.length + value.length;
  const packed = new Uint8Array(size);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { name, value } of xattrs) {
    view.setUint16(at, name.length, true);
    view.setUint32(at + 2, value.length, true);
    packed.set(name, at + HEAD_LENGTH);
    packed.set(value, at + HEAD_LENGTH + name.length);
    at += HEAD_LENGTH + name.length + value.length;
  }
  return packed;
}

const NOTHING = new Uint8Array(0);
