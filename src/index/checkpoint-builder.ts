import { crc32 } from 'node:zlib';
import type { Checkpoint } from '../codec/gzip/checkpoint.js';
import { DEFLATE_WINDOW_SIZE } from '../codec/gzip/inflate-engine.js';
import { type CheckpointColumns, MEMBER_START, WINDOW_GROUP } from './layer-index.js';
import type { TableBudget } from './table-budget.js';
import { WindowGroups } from './window-groups.js';

/** Collects checkpoints during the index pass: their columns, and their windows, deflated in groups. */
export class CheckpointBuilder {
  readonly #inOffsets: number[] = [];
  readonly #bits: number[] = [];
  readonly #outOffsets: number[] = [];
  readonly #windowStarts: number[] = [0];
  readonly #windowCrcs: number[] = [];
  readonly #windows: WindowGroups;
  readonly #group = new Uint8Array(WINDOW_GROUP * DEFLATE_WINDOW_SIZE);
  #groupLength = 0; // bytes of it

  /** @param windowBytes limit of all windows, deflated */
  constructor(windowBytes: number, budget?: TableBudget) {
    this.#windows = new WindowGroups(windowBytes, budget);
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  add(checkpoint: Checkpoint): void {
    const { inOffset, bits, outOffset, window, memberStart } = checkpoint;
    this.#inOffsets.push(inOffset);
    this.#bits.push(memberStart ? MEMBER_START : bits);
    this.#outOffsets.push(outOffset);
    this.#windowStarts.push(this.#windowStarts.at(-1)! + window.length);
    this.#windowCrcs.push(crc32(window));
    this.#group.set(window, this.#groupLength);
    this.#groupLength += window.length;
    if (this.#inOffsets.length % WINDOW_GROUP === 0) this.#endGroup();
  }

  #endGroup(): void {
    this.#windows.add(this.#group.subarray(0, this.#groupLength));
    this.#groupLength = 0;
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  async finish(): Promise<{ checkpoints: CheckpointColumns; windows: Uint8Array }> {
    if (this.#inOffsets.length % WINDOW_GROUP !== 0) this.#endGroup();
    const { bytes, starts } = await this.#windows.finish();
    return {
      checkpoints: {
        length: this.#inOffsets.length,
        inOffsets: Float64Array.from(this.#inOffsets),
        bits: Uint8Array.from(this.#bits),
        outOffsets: Float64Array.from(this.#outOffsets),
        windowStarts: Float64Array.from(this.#windowStarts),
        groupStarts: starts,
        windowCrcs: Uint32Array.from(this.#windowCrcs),
      },
      windows: bytes,
    };
  }
}
