import { crc32, deflateRawSync } from 'node:zlib';
import type { Checkpoint } from '../gzip/checkpoint.js';
import { ByteHeap } from './byte-heap.js';
import { type CheckpointColumns, MEMBER_START } from './layer-index.js';

/** Sparse windows are mostly zeros: the fastest level already gets nearly all there is to get (measured). */
const WINDOW_DEFLATE_LEVEL = 1;

/** Collects checkpoints during the index pass: their columns, and their windows deflated one by one. */
export class CheckpointBuilder {
  readonly #inOffsets: number[] = [];
  readonly #bits: number[] = [];
  readonly #outOffsets: number[] = [];
  readonly #windowStarts: number[] = [0];
  readonly #windowSizes: number[] = [];
  readonly #windowCrcs: number[] = [];
  readonly #windows: ByteHeap;

  /** @param windowBytes limit of all windows, deflated */
  constructor(windowBytes: number) {
    this.#windows = new ByteHeap("checkpoints' windows", windowBytes);
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  add(checkpoint: Checkpoint): void {
    const { inOffset, bits, outOffset, window, memberStart } = checkpoint;
    this.#inOffsets.push(inOffset);
    this.#bits.push(memberStart ? MEMBER_START : bits);
    this.#outOffsets.push(outOffset);
    this.#windowSizes.push(window.length);
    this.#windowCrcs.push(window.length === 0 ? 0 : crc32(window));
    const deflated = window.length === 0 ? window : deflateRawSync(window, { level: WINDOW_DEFLATE_LEVEL });
    this.#windowStarts.push(this.#windows.append(deflated));
  }

  finish(): { checkpoints: CheckpointColumns; windows: Uint8Array } {
    return {
      checkpoints: {
        length: this.#inOffsets.length,
        inOffsets: Float64Array.from(this.#inOffsets),
        bits: Uint8Array.from(this.#bits),
        outOffsets: Float64Array.from(this.#outOffsets),
        windowStarts: Float64Array.from(this.#windowStarts),
        windowSizes: Uint32Array.from(this.#windowSizes),
        windowCrcs: Uint32Array.from(this.#windowCrcs),
      },
      windows: this.#windows.finish(),
    };
  }
}
