import type { Checkpoint, Cursor } from '../codec.js';
import { unpackCheckpoint } from './gzip-checkpoint.js';
import { GzipDecoder } from './gzip-decoder.js';
import type { InflateEngine } from './inflate-engine.js';

/** Random access to a gzip blob, also across members. */
export class GzipCursor implements Cursor {
  ended = false;
  readonly mustSeek = false; // a state holds to the end of the blob
  readonly #engine: InflateEngine;
  readonly #decoder: GzipDecoder;
  #unread = 0; // bytes before the engine's output address that are not handed out yet

  /** @param engine for this cursor alone */
  constructor(engine: InflateEngine) {
    this.#engine = engine;
    this.#decoder = new GzipDecoder(engine);
  }

  seek(checkpoint: Checkpoint): void {
    this.#unread = 0;
    this.ended = false;
    this.#decoder.seek(unpackCheckpoint(checkpoint));
  }

  get inputOffset(): number {
    return this.#engine.appendOffset;
  }

  get memorySize(): number {
    return this.#engine.memory.length;
  }

  get outOffset(): number {
    return this.#engine.outOffset - this.#unread;
  }

  push(bytes: Uint8Array, final: boolean): number {
    const taken = this.#engine.append(bytes);
    if (final && taken === bytes.length) this.#engine.close();
    return taken;
  }

  /**
   * See `Cursor.read`. A few compressed bytes are not decoded until more come or the end is known:
   * up to 24 inside a block, up to 600 at the start of one.
   */
  read(target: Uint8Array): number {
    return this.#consume(target.length, target);
  }

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
        this.ended = true;
        return false;
      }
    }
  }
}
