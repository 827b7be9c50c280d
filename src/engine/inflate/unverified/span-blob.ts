import { hash } from 'node:crypto';
import { LayerslayerError } from '../../../base/errors.js';
import type { BlobReader } from '../../../blob/blob.js';
import { checkRange } from '../../../blob/page.js';
import { type Digest, SHA256_LENGTH, shortDigest } from '../../../oci/digest.js';
import type { UnverifiedBlob } from './unverified-blob.js';
import { MAX_PART_SIZE, type UsePart, type VerifiedParts } from './verified-parts.js';
import { WrongBytes, withFreshBytes } from './wrong-bytes.js';

export interface Spans {
  layer: Digest;
  inOffsets: Float64Array; // of the checkpoints, ascending
  digests: Uint8Array; // of the spans, SHA-256
}

let made = 0; // blobs of this thread

/**
 * A blob whose bytes are checked by digests of spans: the compressed bytes from one checkpoint to
 * the next. A span is read and checked whole. It begins one byte before its checkpoint if a deflate
 * block begins within that byte. Only the checkpoint's state says so, so both are tried.
 */
export class SpanBlob implements BlobReader {
  readonly size: number;
  readonly #blob: UnverifiedBlob;
  readonly #spans: Spans;
  readonly #parts: VerifiedParts;
  readonly #onWrong: (reason: string) => void;
  readonly #key = `spans of blob ${made++}`;
  /** Spans that are checked without the byte before their checkpoint. */
  readonly #withoutFirstByte = new Set<number>();

  /**
   * @param parts those of the thread
   * @param onWrong wrong bytes came, fresh ones are fetched
   */
  constructor(blob: UnverifiedBlob, spans: Spans, parts: VerifiedParts, onWrong: (reason: string) => void) {
    this.size = blob.size;
    this.#blob = blob;
    this.#spans = spans;
    this.#parts = parts;
    this.#onWrong = onWrong;
  }

  /** @param lent used if the range fits */
  async read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    const bytes = lent && lent.length >= length ? lent.subarray(0, length) : new Uint8Array(length);
    for (let at = offset; at < offset + length; ) {
      const number = this.#spanAt(at);
      const target = bytes.subarray(at - offset);
      // A byte before a checkpoint that does not share it belongs to the span before only.
      const copied =
        (await this.#copy(number, at, target, signal)) || (await this.#copy(number - 1, at, target, signal));
      if (copied === 0) throw this.#fault(`no span has the byte at ${at}`);
      at += copied;
    }
    return bytes;
  }

  prefetch(offset: number, end: number): void {
    if (offset < end) this.#blob.prefetch(offset, this.verifiedEnd(end - 1));
  }

  verifiedEnd(offset: number): number {
    return this.#end(this.#spanAt(offset));
  }

  /** Returns the number of the span with the byte, or of the one that may share it. */
  #spanAt(offset: number): number {
    const { inOffsets } = this.#spans;
    let low = 0;
    let high = inOffsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (inOffsets[middle]! - 1 <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Offset of the byte before the checkpoint. */
  #start(number: number): number {
    return Math.max(0, this.#spans.inOffsets[number]! - 1);
  }

  #end(number: number): number {
    return this.#spans.inOffsets[number + 1] ?? this.size;
  }

  /** Copies what the span has from `at` on. @returns bytes copied, 0 if it has no such byte */
  async #copy(number: number, at: number, target: Uint8Array, signal?: AbortSignal): Promise<number> {
    if (number < 0 || this.#spans.inOffsets.length === 0) return 0;
    const start = this.#start(number);
    let copied = 0;
    const copy: UsePart = (span) => {
      if (at < start || (at === start && this.#withoutFirstByte.has(number))) return;
      const found = span.subarray(at - start, at - start + target.length);
      target.set(found);
      copied = found.length;
    };
    await this.#use(number, copy, signal);
    return copied;
  }

  async #use(number: number, use: UsePart, signal?: AbortSignal): Promise<void> {
    const start = this.#start(number);
    const length = this.#end(number) - start;
    const isPossible = length > 0 && length <= MAX_PART_SIZE && start + length <= this.size;
    if (!isPossible) throw this.#fault(`span ${number} has ${length} bytes`);
    await this.#parts.use(
      `${this.#key}, ${number}`,
      async (room, stop) => {
        const target = await room(length);
        const read = async (fresh: boolean) => {
          const more = { aheadEnd: start + length, fresh };
          const bytes = await this.#blob.read(start, length, stop, target, more);
          if (bytes.buffer !== target.buffer) target.set(bytes);
          this.#check(number, target);
        };
        const name = () => `span ${number} of ${shortDigest(this.#spans.layer)}, at ${start}`;
        await withFreshBytes(name, read, this.#onWrong);
        return target;
      },
      use,
      signal,
    );
  }

  /** @param span with the byte before its checkpoint, if there is one */
  #check(number: number, span: Uint8Array): void {
    const { digests, inOffsets } = this.#spans;
    const digest = digests.subarray(number * SHA256_LENGTH, (number + 1) * SHA256_LENGTH);
    const is = (bytes: Uint8Array) => hash('sha256', bytes, 'buffer').equals(digest);
    this.#withoutFirstByte.delete(number);
    if (is(span)) return;
    if (inOffsets[number]! === 0 || !is(span.subarray(1))) {
      throw new WrongBytes('the bytes are not those of the digest');
    }
    this.#withoutFirstByte.add(number);
  }

  #fault(reason: string): LayerslayerError {
    const { layer } = this.#spans;
    return new LayerslayerError('CORRUPT_LAYER', `the index of layer ${shortDigest(layer)}: ${reason}`);
  }
}
