import { corruptTable } from '../table-fault.js';

/** Writers may share strings, but each byte is read this often at most, on average. */
const MAX_READS = 4;
const POINTER_LENGTH = 4;

/** Bytes that may still be read, by all tables of a buffer. */
interface Work {
  left: number;
}

/**
 * A table of a FlatBuffer: its fields by the order in which its schema declares them. (FlatBuffers'
 * internals page: a table begins with the distance back to a list of its fields' places.) Each
 * offset is checked before it is followed. Offsets point forward, so nothing is a circle.
 *
 * @throws LayerslayerError CORRUPT_LAYER, each method: for an offset outside the buffer, and when
 *   the same bytes are read again and again
 */
export class FlatTable {
  readonly #buffer: Buffer;
  readonly #at: number;
  readonly #work: Work;

  private constructor(buffer: Buffer, at: number, work: Work) {
    this.#buffer = buffer;
    this.#at = at;
    this.#work = work;
  }

  /** Returns the table that the buffer begins with a pointer to. */
  static root(bytes: Uint8Array): FlatTable {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(buffer, followed(buffer, 0), { left: MAX_READS * buffer.length });
  }

  /** Returns an integer of 64 bits; 0 if it is left out. */
  long(field: number): number {
    const at = this.#place(field, 8);
    if (at === undefined) return 0;
    const value = Number(this.#buffer.readBigInt64LE(at));
    if (!Number.isSafeInteger(value)) throw corruptTable(`a number is ${value}`);
    return value;
  }

  /** Returns an unsigned integer of 32 bits; 0 if it is left out. */
  uint(field: number): number {
    const at = this.#place(field, 4);
    return at === undefined ? 0 : this.#buffer.readUInt32LE(at);
  }

  /** Returns an unsigned integer of 8 bits. */
  byte(field: number, missing: number): number {
    const at = this.#place(field, 1);
    return at === undefined ? missing : this.#buffer.readUInt8(at);
  }

  table(field: number): FlatTable | undefined {
    const at = this.#place(field, 4);
    return at === undefined ? undefined : this.#tableAt(at);
  }

  /** Returns a string's or byte vector's content, a view; nothing if it is left out. */
  bytes(field: number): Uint8Array {
    const at = this.#place(field, 4);
    return at === undefined ? new Uint8Array(0) : this.#bytesAt(at);
  }

  /** Yields the tables of a vector. */
  *tables(field: number): Generator<FlatTable> {
    for (const at of this.#pointers(field)) yield this.#tableAt(at);
  }

  /** Yields the strings of a vector, as views. */
  *strings(field: number): Generator<Uint8Array> {
    for (const at of this.#pointers(field)) yield this.#bytesAt(at);
  }

  *#pointers(field: number): Generator<number> {
    const at = this.#place(field, 4);
    if (at === undefined) return;
    const vector = followed(this.#buffer, at);
    const length = this.#buffer.readUInt32LE(vector);
    checkRoom(this.#buffer, vector + 4, 4 * length);
    for (let i = 0; i < length; i++) yield vector + 4 + 4 * i;
  }

  #tableAt(pointer: number): FlatTable {
    this.#spend(POINTER_LENGTH);
    return new FlatTable(this.#buffer, followed(this.#buffer, pointer), this.#work);
  }

  #bytesAt(pointer: number): Uint8Array {
    const at = followed(this.#buffer, pointer);
    const length = this.#buffer.readUInt32LE(at);
    checkRoom(this.#buffer, at + 4, length);
    this.#spend(POINTER_LENGTH + length);
    return this.#buffer.subarray(at + 4, at + 4 + length);
  }

  /** A million tables may share one list of a million others. */
  #spend(bytes: number): void {
    this.#work.left -= bytes;
    if (this.#work.left < 0) throw corruptTable(`its bytes are referred to more than ${MAX_READS} times`);
  }

  /** Returns where a field of `size` bytes is; undefined if it is left out. */
  #place(field: number, size: number): number | undefined {
    const places = this.#at - this.#buffer.readInt32LE(this.#at);
    checkRoom(this.#buffer, places, 4);
    const placesLength = this.#buffer.readUInt16LE(places);
    const entry = 4 + 2 * field;
    if (entry + 2 > placesLength) return undefined;
    checkRoom(this.#buffer, places, placesLength);
    const distance = this.#buffer.readUInt16LE(places + entry);
    if (distance === 0) return undefined;
    checkRoom(this.#buffer, this.#at + distance, size);
    return this.#at + distance;
  }
}

/** Follows the pointer at `at`. The target has at least 4 bytes. */
function followed(buffer: Buffer, at: number): number {
  checkRoom(buffer, at, 4);
  const target = at + buffer.readUInt32LE(at);
  checkRoom(buffer, target, 4);
  return target;
}

function checkRoom(buffer: Buffer, at: number, length: number): void {
  if (at < 0 || at + length > buffer.length) throw corruptTable('an offset is outside its bytes');
}
