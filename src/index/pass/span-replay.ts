import { createHash, type Hash } from 'node:crypto';
import type { Cursor } from '../../codec/codec.js';
import { codecNamed } from '../../codec/codecs.js';
import type { LayerIndex } from '../layer-index.js';
import { readCheckpoint, type StateStorage } from '../states/checkpoints.js';

/** Bytes decoded at once. */
const STEP = 64 * 1024;

/**
 * Compressed bytes behind a span that a cursor may take before it decodes the span's last ones. See
 * `GzipCursor.read`.
 */
const MARGIN = 4096;

/**
 * Decodes each span of an index from its own checkpoint, as a reader would, and compares the bytes
 * with those of the pass. Digests of compressed bytes prove nothing about checkpoints: from another
 * state, or another place, the same bytes decompress to others. It doubles the time of a pass.
 */
export class SpanReplay {
  /** The first one, until now. */
  difference: string | undefined;
  readonly #index: LayerIndex;
  readonly #states: StateStorage;
  #opened: Cursor | undefined;
  readonly #scratch = new Uint8Array(STEP);
  #span = 0; // that is decoded, or the next
  #hash: Hash | undefined; // of its bytes so far; undefined: it has not begun
  #left = 0; // bytes of it to come
  #before = new Uint8Array(0); // the last bytes of the blob: the next span may begin in them
  readonly #decoded: Buffer[] = []; // digest of each span
  readonly #passed: Buffer[] = []; // digest of each span's bytes in the tar
  #tarHash = createHash('sha256');

  constructor(index: LayerIndex, states: StateStorage) {
    this.#index = index;
    this.#states = states;
    const { outOffsets, inOffsets } = index.checkpoints;
    for (let i = 0; i < outOffsets.length; i++) {
      const isFirst = i === 0 && outOffsets[0] === 0;
      const isLater = i > 0 && outOffsets[i]! >= outOffsets[i - 1]! && inOffsets[i]! > inOffsets[i - 1]!;
      if (!isFirst && !isLater) this.#differs(i);
    }
  }

  /** Takes bytes of the blob, in order. */
  takeInput(bytes: Uint8Array, offset: number): void {
    const all = Buffer.concat([this.#before, bytes]); // a cursor keeps views until it needs more
    const start = offset - this.#before.length;
    try {
      while (this.difference === undefined && this.#span < this.#count) {
        if (!this.#hash) this.#begin();
        if (!this.#decode(all, start)) break;
      }
    } catch {
      this.#differs();
    }
    this.#before = new Uint8Array(all.subarray(-MARGIN - 1));
  }

  /** Takes bytes of the tar, in order. */
  takeOutput(bytes: Uint8Array, offset: number): void {
    const { outOffsets } = this.#index.checkpoints;
    let at = 0;
    while (this.#passed.length + 1 < this.#count) {
      const boundary = outOffsets[this.#passed.length + 1]! - offset;
      if (boundary > bytes.length) break;
      this.#tarHash.update(bytes.subarray(at, boundary));
      this.#passed.push(this.#tarHash.digest());
      this.#tarHash = createHash('sha256');
      at = boundary;
    }
    this.#tarHash.update(bytes.subarray(at));
  }

  /** Returns the first difference, when all bytes have passed. */
  end(): string | undefined {
    if (this.difference !== undefined || this.#count === 0) return this.difference;
    this.#passed.push(this.#tarHash.digest());
    for (let i = 0; i < this.#count && this.difference === undefined; i++) {
      const decoded = this.#decoded[i];
      if (!decoded || !this.#passed[i]?.equals(decoded)) this.#differs(i);
    }
    return this.difference;
  }

  /** @throws LayerslayerError for a codec of another version */
  get #cursor(): Cursor {
    this.#opened ??= codecNamed(this.#index.codec).cursor();
    return this.#opened;
  }

  get #count(): number {
    return this.#index.checkpoints.length;
  }

  #begin(): void {
    const { checkpoints } = this.#index;
    const { outOffsets } = checkpoints;
    this.#cursor.seek(readCheckpoint(checkpoints, this.#states, this.#span));
    this.#hash = createHash('sha256');
    this.#left = (outOffsets[this.#span + 1] ?? Number.POSITIVE_INFINITY) - outOffsets[this.#span]!;
  }

  /** @returns false if the span needs bytes that come later */
  #decode(bytes: Uint8Array, offset: number): boolean {
    const { checkpoints, blobSize } = this.#index;
    const last = Math.min((checkpoints.inOffsets[this.#span + 1] ?? blobSize) + MARGIN, blobSize);
    const end = Math.min(offset + bytes.length, last);
    for (;;) {
      const hasRead = this.#read();
      if (this.#left === 0 || (this.#span === this.#count - 1 && this.#cursor.ended)) {
        this.#decoded.push(this.#hash!.digest());
        this.#hash = undefined;
        this.#span++;
        return true;
      }
      const at = this.#cursor.inputOffset;
      if (at >= end && end < last) return false;
      if (at >= last || at < offset) break; // it has all its bytes, or they have passed
      const taken = this.#cursor.push(bytes.subarray(at - offset, end - offset), end === blobSize);
      if (taken === 0 && !hasRead) break;
    }
    this.#differs();
    return false;
  }

  /** Decodes what the cursor has bytes for. */
  #read(): boolean {
    let hasRead = false;
    while (this.#left > 0) {
      const read = this.#cursor.read(this.#scratch.subarray(0, Math.min(STEP, this.#left)));
      if (read === 0) break;
      this.#hash!.update(this.#scratch.subarray(0, read));
      this.#left -= read;
      hasRead = true;
    }
    return hasRead;
  }

  #differs(span = this.#span): void {
    this.difference ??= `what is decompressed from checkpoint ${span} on`;
  }
}
