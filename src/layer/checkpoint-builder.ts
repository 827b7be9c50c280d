import { crc32, deflateRawSync } from 'node:zlib';
import type { Checkpoint } from '../gzip/checkpoint.js';
import { ByteHeap } from './byte-heap.js';
import { type CheckpointColumns, MEMBER_START, WINDOW_GROUP } from './layer-index.js';
import { MAX_PACKED_LENGTH, WindowPacker } from './window-packing.js';

/** What is left of a sparse window is short: the fastest level already gets nearly all there is to get (measured). */
const WINDOW_DEFLATE_LEVEL = 1;

/** Collects checkpoints during the index pass: their columns, and their windows, packed and deflated in groups. */
export class CheckpointBuilder {
  readonly #inOffsets: number[] = [];
  readonly #bits: number[] = [];
  readonly #outOffsets: number[] = [];
  readonly #windowStarts: number[] = [0];
  readonly #windowSizes: number[] = [];
  readonly #windowCrcs: number[] = [];
  readonly #windows: ByteHeap;
  readonly #packer = new WindowPacker();
  readonly #groupStarts: number[] = [0];
  readonly #group = new Uint8Array(WINDOW_GROUP * MAX_PACKED_LENGTH);
  #groupLength = 0; // bytes of it

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
    const packed = window.length === 0 ? window : this.#packer.pack(window);
    this.#windowStarts.push(this.#windowStarts.at(-1)! + packed.length);
    this.#group.set(packed, this.#groupLength);
    this.#groupLength += packed.length;
    if (this.#inOffsets.length % WINDOW_GROUP === 0) this.#endGroup();
  }

  #endGroup(): void {
    const group = this.#group.subarray(0, this.#groupLength);
    const deflated = group.length === 0 ? group : deflateRawSync(group, { level: WINDOW_DEFLATE_LEVEL });
    this.#groupStarts.push(this.#windows.append(deflated));
    this.#groupLength = 0;
  }

  finish(): { checkpoints: CheckpointColumns; windows: Uint8Array } {
    if (this.#inOffsets.length % WINDOW_GROUP !== 0) this.#endGroup();
    return {
      checkpoints: {
        length: this.#inOffsets.length,
        inOffsets: Float64Array.from(this.#inOffsets),
        bits: Uint8Array.from(this.#bits),
        outOffsets: Float64Array.from(this.#outOffsets),
        windowStarts: Float64Array.from(this.#windowStarts),
        groupStarts: Float64Array.from(this.#groupStarts),
        windowSizes: Uint32Array.from(this.#windowSizes),
        windowCrcs: Uint32Array.from(this.#windowCrcs),
      },
      windows: this.#windows.finish(),
    };
  }
}
