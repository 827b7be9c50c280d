import type { Checkpoint, Cursor } from '../codec.js';
import { unpackCheckpoint } from './zstd-checkpoint.js';
import { ZstdDecoder } from './zstd-decoder.js';
import type { ZstdEngine } from './zstd-engine.js';

/** Random access to a zstd blob, also across frames. */
export class ZstdCursor implements Cursor {
  ended = false;
  readonly #engine: ZstdEngine;
  readonly #decoder: ZstdDecoder;
  #unread = 0; // bytes before the engine's output address that are not handed out yet
  #holdsTo = Number.POSITIVE_INFINITY; // output offset to which the checkpoint's window bytes hold

  /** @param engine for this cursor alone */
  constructor(engine: ZstdEngine) {
    this.#engine = engine;
    this.#decoder = new ZstdDecoder(engine, { stateRoom: 0, isVerifying: false });
  }

  seek(checkpoint: Checkpoint): void {
    this.#unread = 0;
    this.ended = false;
    const unpacked = unpackCheckpoint(checkpoint);
    const holds = unpacked.frame?.holds ?? 0;
    this.#holdsTo = holds > 0 ? checkpoint.outOffset + holds : Number.POSITIVE_INFINITY;
    this.#decoder.seek(unpacked);
  }

  get inputOffset(): number {
    return this.#engine.appendOffset;
  }

  get outOffset(): number {
    return this.#engine.outOffset - this.#unread;
  }

  get mustSeek(): boolean {
    return this.outOffset >= this.#holdsTo;
  }

  get memorySize(): number {
    return this.#engine.memorySize;
  }

  push(bytes: Uint8Array, final: boolean): number {
    const taken = this.#engine.append(bytes);
    if (final && taken === bytes.length) this.#engine.close();
    return taken;
  }

  /** See `Cursor.read`. A block is decoded when all of its compressed bytes are there. */
  read(target: Uint8Array): number {
    return this.#consume(target.length, target);
  }

  skip(length: number): number {
    return this.#consume(length, undefined);
  }

  #consume(length: number, target: Uint8Array | undefined): number {
    let done = 0;
    while (done < length) {
      if (this.#unread === 0 && !this.#decodeBlock()) break;
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

  /** Decodes a block that has output; false when there is none. */
  #decodeBlock(): boolean {
    while (!this.mustSeek) {
      const step = this.#decoder.step();
      if (step === 'frame start')
        this.#holdsTo = Number.POSITIVE_INFINITY; // it has no history
      else if (step === 'need input') return false;
      else if (step === 'end') {
        this.ended = true;
        return false;
      } else if (this.#decoder.blockLength > 0) {
        this.#unread = this.#decoder.blockLength;
        return true;
      }
    }
    return false;
  }
}
