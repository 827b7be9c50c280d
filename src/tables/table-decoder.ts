import { BLOB_START, type Cursor } from '../codec/codec.js';
import { codecNamed } from '../codec/codecs.js';
import { corruptTable } from './table-fault.js';

/** Bytes that are decoded at once. */
const OUTPUT_SIZE = 256 * 1024;

/** Decodes a compressed part of a layer, which begins with a member or frame, as its bytes come. */
export class TableDecoder {
  size = 0; // uncompressed bytes so far
  readonly #cursor: Cursor;
  readonly #sizeMax: number;
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #output = new Uint8Array(OUTPUT_SIZE);

  /**
   * @param sizeMax uncompressed bytes
   * @param onBytes called for the bytes in order, with a view that is valid during the call
   */
  constructor(codec: string, sizeMax: number, onBytes: (bytes: Uint8Array) => void) {
    this.#cursor = codecNamed(codec).cursor();
    this.#cursor.seek(BLOB_START);
    this.#sizeMax = sizeMax;
    this.#onBytes = onBytes;
  }

  /**
   * Takes the next compressed bytes.
   * @param isLast nothing follows
   * @throws LayerslayerError CORRUPT_LAYER if they are damaged, cut short, or more than `sizeMax`;
   *   UNSUPPORTED for what the codec does not read; what `onBytes` throws
   */
  push(bytes: Uint8Array, isLast: boolean): void {
    for (let taken = 0; taken < bytes.length; ) {
      taken += this.#cursor.push(bytes.subarray(taken), isLast);
      for (;;) {
        const length = this.#cursor.read(this.#output);
        if (length === 0) break;
        this.size += length;
        if (this.size > this.#sizeMax) throw corruptTable(`it is longer than ${this.#sizeMax} bytes`);
        this.#onBytes(this.#output.subarray(0, length));
      }
      if (this.#cursor.ended) break;
    }
    if (isLast && !this.#cursor.ended) throw corruptTable('its compressed bytes are cut short');
  }
}
