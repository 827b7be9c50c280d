import { LayerslayerError } from '../../base/errors.js';
import type { Strings } from '../growing.js';
import { LAYER_LIMITS } from '../layer-limits.js';

/**
 * Integer columns on disk: the least value, then the differences to it as byte planes (all lowest
 * bytes, then all second bytes, …), as many as the greatest difference needs. Planes deflate two to
 * four times better than rows of numbers (measured). A column of equal values takes 9 bytes.
 */

/** 2^53 needs 7 bytes. */
const MAX_PLANES = 7;
/** Planes whose sums are below 2^32. */
const PLANES_OF_32_BITS = 4;
/** Least value (float64) and number of planes (u8). */
const HEAD_LENGTH = 9;

type Column = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** Bytes of a count. */
export const COUNT_LENGTH = 4;

/** The number of rows of a section, which precedes its columns. */
export function packCount(count: number): Uint8Array {
  const packed = new Uint8Array(COUNT_LENGTH);
  new DataView(packed.buffer).setUint32(0, count, true);
  return packed;
}

/**
 * Returns the count at the start of a section, 0 for a section that was left out.
 * @throws LayerslayerError CORRUPT_LAYER past what a layer may have
 */
export function unpackCount(packed: Uint8Array): number {
  if (packed.length === 0) return 0;
  if (packed.length < COUNT_LENGTH) throw damaged();
  const count = new DataView(packed.buffer, packed.byteOffset).getUint32(0, true);
  if (count > LAYER_LIMITS.entries) throw damaged();
  return count;
}

export function packIntegers(values: ArrayLike<number>, length: number): Uint8Array {
  let least = length > 0 ? Number.POSITIVE_INFINITY : 0;
  let greatest = length > 0 ? Number.NEGATIVE_INFINITY : 0;
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if (!Number.isSafeInteger(greatest - least)) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `integers from ${least} to ${greatest} differ by more than 2^53`,
    );
  }
  let planes = 0;
  for (let rest = greatest - least; rest >= 1; rest = Math.floor(rest / 256)) planes++;
  const packed = new Uint8Array(HEAD_LENGTH + planes * length);
  const view = new DataView(packed.buffer);
  view.setFloat64(0, least, true);
  view.setUint8(8, planes);
  for (let i = 0; i < length; i++) {
    let rest = values[i]! - least;
    for (let at = HEAD_LENGTH + i; at < packed.length; at += length) {
      packed[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }
  return packed;
}

/**
 * Fills `into` (its length is the column's) from `packed` at `offset`.
 * @returns the offset after the column
 * @throws LayerslayerError CORRUPT_LAYER if it is cut short
 */
export function unpackIntegers(packed: Uint8Array, offset: number, into: Column): number {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (offset + HEAD_LENGTH > packed.length) throw damaged();
  const least = view.getFloat64(offset, true);
  const planes = view.getUint8(offset + 8);
  const end = offset + HEAD_LENGTH + planes * into.length;
  if (planes > MAX_PLANES || end > packed.length) throw damaged();
  if (planes === 0) {
    into.fill(least);
    return end;
  }
  const bytes = packed.subarray(offset + HEAD_LENGTH, end);
  if (planes > PLANES_OF_32_BITS) {
    sumPlanes(bytes, planes, into);
    add(into, least);
    return end;
  }
  // In 32 bits as far as possible. A process that has just started interprets these loops, and a
  // number of a Float64Array is an object there: 25 ms for 30,000 entries instead of 15 (measured).
  const sums = into instanceof Uint32Array ? into : new Uint32Array(into.length);
  const top = sumPlanes(bytes, planes, sums);
  const limit = least + (top + 1) * 256 ** (planes - 1);
  const isNarrow = Number.isInteger(least) && least >= 0 && limit <= 2 ** 32;
  if (isNarrow) add(sums, least);
  if (sums !== into) into.set(sums);
  if (!isNarrow) add(into, least);
  return end;
}

/** A packed column of which single rows are read: nothing is unpacked. */
export class PackedIntegers {
  readonly #least: number;
  readonly #planes: number;
  readonly #start: number;
  /** Offset after the column. */
  readonly end: number;

  /** @throws LayerslayerError CORRUPT_LAYER if it is cut short */
  constructor(
    private readonly packed: Uint8Array,
    offset: number,
    private readonly length: number,
  ) {
    if (offset + HEAD_LENGTH > packed.length) throw damaged();
    const view = new DataView(packed.buffer, packed.byteOffset + offset, HEAD_LENGTH);
    this.#least = view.getFloat64(0, true);
    this.#planes = view.getUint8(8);
    this.#start = offset + HEAD_LENGTH;
    this.end = this.#start + this.#planes * length;
    if (this.#planes > MAX_PLANES || this.end > packed.length) throw damaged();
  }

  at(row: number): number {
    let value = this.#least;
    let weight = 1;
    for (let at = this.#start + row; at < this.end; at += this.length) {
      value += this.packed[at]! * weight;
      weight *= 256;
    }
    return value;
  }
}

/** Returns whether all integers of the column at `offset` are at least 0 and below 2^32. */
export function fitsUint32(packed: Uint8Array, offset: number): boolean {
  if (offset + HEAD_LENGTH > packed.length) throw damaged();
  const view = new DataView(packed.buffer, packed.byteOffset + offset, HEAD_LENGTH);
  const least = view.getFloat64(0, true);
  return Number.isInteger(least) && least >= 0 && least + 256 ** view.getUint8(8) <= 2 ** 32;
}

/**
 * Sets `into` to the sums of its planes.
 * @returns the greatest byte of the highest plane; 255 if there is only one
 */
function sumPlanes(bytes: Uint8Array, planes: number, into: Column): number {
  const { length } = into;
  // Most columns are one plane. No loop for the first.
  into.set(bytes.subarray(0, length));
  let at = length;
  let top = 255;
  for (let plane = 1, weight = 256; plane < planes; plane++, weight *= 256) {
    top = 0;
    for (let i = 0; i < length; i++) {
      const byte = bytes[at++]!;
      if (byte > top) top = byte;
      into[i]! += byte * weight;
    }
  }
  return top;
}

function add(into: Column, least: number): void {
  if (least !== 0) for (let i = 0; i < into.length; i++) into[i]! += least;
}

/** Count, lengths and bytes; nothing if all strings are empty. */
export function* packStrings({ starts, heap }: Strings): Iterable<Uint8Array> {
  if (heap.length === 0) return;
  const lengths = new Uint32Array(starts.length - 1);
  for (let i = 0; i < lengths.length; i++) lengths[i] = starts[i + 1]! - starts[i]!;
  yield packCount(lengths.length);
  yield packIntegers(lengths, lengths.length);
  yield heap;
}

/**
 * The heap is a view of `packed`.
 * @param wanted number of strings; default: as many as there are
 * @throws LayerslayerError CORRUPT_LAYER if the lengths don't fit
 */
export function unpackStrings(packed: Uint8Array, wanted = unpackCount(packed)): Strings {
  const starts = new Uint32Array(wanted + 1);
  if (packed.length === 0) return { starts, heap: packed };
  if (unpackCount(packed) !== wanted) throw damaged();
  const heap = packed.subarray(unpackIntegers(packed, COUNT_LENGTH, starts.subarray(1)));
  for (let i = 1, end = 0; i <= wanted; i++) {
    end += starts[i]!;
    starts[i] = end;
  }
  if (starts[wanted] !== heap.length) throw damaged();
  return { starts, heap };
}

/** A column or count is not as written. */
function damaged(): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', 'layer index: a column is cut short or too long');
}
