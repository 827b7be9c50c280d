import type { Checkpoint } from './checkpoint.js';
import { GzipDecoder } from './gzip-decoder.js';
import type { InflateEngine } from './inflate-engine.js';

/**
 * Random access to a gzip blob: goes to a checkpoint, then hands out the bytes from there on, as far as one likes, over
 * member borders and to the end of the blob. It does no I/O: the caller pushes compressed bytes and pulls what they
 * become. Member checksums are not checked, as they cover bytes that were passed over; the caller vouches for the
 * compressed bytes (by page digests).
 */
export class GzipCursor {
  readonly #engine: InflateEngine;
  readonly #decoder: GzipDecoder;
  #unread = 0; // bytes before the engine's output address that are not handed out yet
  #ended = false;

  /** @param engine for this cursor alone */
  constructor(engine: InflateEngine) {
    this.#engine = engine;
    this.#decoder = new GzipDecoder(engine);
  }

  /** Goes to a checkpoint, wherever the cursor was; it can be used again after an error. */
  seek(checkpoint: Checkpoint): void {
    this.#unread = 0;
    this.#ended = false;
    this.#decoder.seek(checkpoint);
  }

  /**
   * Offset in the blob of the compressed byte that `push` wants next: after `seek` to a checkpoint that lies inside a
   * byte, of that byte.
   */
  get inputOffset(): number {
    return this.#engine.appendOffset;
  }

  /** Offset in the uncompressed blob of the byte that `read` hands out next. */
  get outOffset(): number {
    return this.#engine.outOffset - this.#unread;
  }

  /** Everything is handed out. Known only after a `read` or `skip` that got nothing. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Supplies compressed bytes from inputOffset on.
   * @param final the blob ends with these bytes; holds only once all of them are taken
   * @returns how many were taken; the rest must be pushed again after a `read`
   */
  push(bytes: Uint8Array, final: boolean): number {
    const taken = this.#engine.append(bytes);
    if (final && taken === bytes.length) this.#engine.close();
    return taken;
  }

  /**
   * Fills `target` from its start, as far as the compressed bytes go. A few of these stay behind until more come or
   * the end is known: up to 24 inside a block, up to 600 at the start of one.
   * @returns bytes read; 0 when more compressed bytes are needed, or at the end
   * @throws LayerslayerError CORRUPT_LAYER, naming compressed and uncompressed offset
   */
  read(target: Uint8Array): number {
    return this.#consume(target.length, target);
  }

  /** Passes over `length` bytes at most. @returns and throws as `read` */
  skip(length: number): number {
    return this.#consume(length, undefined);
  }

  #consume(length: number, target: Uint8Array | undefined): number {
    let done = 0;
    while (done < length) {
      if (this.#unread === 0 && !this.#inflate(length - done)) break;
      const part = Math.min(this.#unread, length - done);
      if (target) {
        const from = this.#engine.outputAddress - this.#unread;
        target.set(this.#engine.memory.subarray(from, from + part), done);
      }
      this.#unread -= part;
      done += part;
    }
    return done;
  }

  /** Inflates `length` bytes, or less, or up to a match more; false when nothing came. */
  #inflate(length: number): boolean {
    const from = this.#engine.outOffset;
    for (;;) {
      const step = this.#decoder.step(from + length, Number.POSITIVE_INFINITY);
      this.#unread = this.#engine.outOffset - from;
      if (this.#unread > 0) return true;
      if (step === 'need input') return false;
      if (step === 'end') {
        this.#ended = true;
        return false;
      }
    }
  }
}
