import { corruptTar } from './corrupt.js';
import { NO_XATTRS, type PaxKey, type PaxRecords } from './pax.js';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** Maximum digits of a record's length. */
const MAX_LENGTH_DIGITS = 16;
/** Bytes of a record that are parsed: `size=` and more digits than a size has. */
const HEAD_LENGTH = 64;
const SIZE_KEY = Buffer.from('size=');

/**
 * Parses an oversized PAX header as it passes, only for its `size`. Without it, the next header
 * would be read at a wrong position. Such archives show two trees (CVE-2025-62518). No other data
 * is stored.
 */
export class OversizedPax {
  readonly #values = new Map<PaxKey, Uint8Array>();
  readonly #offset: number;
  #recordLength = 0;
  #digits = 0; // of the record's length so far
  #left = 0; // bytes of the record's body to come; 0 before its body
  #last = NEWLINE; // the previous byte
  readonly #head = Buffer.alloc(HEAD_LENGTH);
  #headLength = 0;

  /** @param offset of the header block, for messages */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** @throws LayerslayerError CORRUPT_LAYER */
  take(memory: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#left > 0) at += this.#takeBody(memory, at, end);
      else this.#takeLength(memory[at++]!);
    }
  }

  /**
   * Returns the last `size` record, unless it is empty.
   * @throws LayerslayerError CORRUPT_LAYER if the last record is truncated
   */
  finish(): PaxRecords {
    if (this.#digits > 0) throw this.#malformed();
    return { values: this.#values, xattrs: NO_XATTRS, sparsePairs: undefined };
  }

  #takeLength(byte: number): void {
    if (byte >= DIGIT_0 && byte <= DIGIT_9 && this.#digits < MAX_LENGTH_DIGITS) {
      this.#recordLength = this.#recordLength * 10 + (byte - DIGIT_0);
      this.#digits++;
      return;
    }
    this.#left = this.#recordLength - this.#digits - 1;
    if (byte !== SPACE || this.#digits === 0 || this.#left < 1) throw this.#malformed();
    this.#headLength = 0;
  }

  #takeBody(memory: Uint8Array, at: number, end: number): number {
    const length = Math.min(this.#left, end - at);
    const head = memory.subarray(at, at + Math.min(length, HEAD_LENGTH - this.#headLength));
    this.#head.set(head, this.#headLength);
    this.#headLength += head.length;
    this.#last = memory[at + length - 1]!;
    this.#left -= length;
    if (this.#left === 0) this.#endRecord();
    return length;
  }

  #endRecord(): void {
    if (this.#last !== NEWLINE) throw this.#malformed();
    const body = this.#recordLength - this.#digits - 1;
    const head = this.#head.subarray(0, this.#headLength);
    if (head.length > SIZE_KEY.length && SIZE_KEY.equals(head.subarray(0, SIZE_KEY.length))) {
      if (body > HEAD_LENGTH) throw corruptTar(this.#offset, `PAX size of ${body} bytes`);
      const value = head.subarray(SIZE_KEY.length, body - 1);
      if (value.length > 0) this.#values.set('size', new Uint8Array(value));
      else this.#values.delete('size');
    }
    this.#recordLength = 0;
    this.#digits = 0;
  }

  #malformed() {
    return corruptTar(this.#offset, 'a PAX record is not a "length key=value" line');
  }
}
