import { crc32 } from 'node:zlib';
import type { Checkpoint } from '../codec/codec.js';
import { type CheckpointColumns, STATE_GROUP } from './checkpoints.js';
import { StateGroups } from './state-groups.js';
import type { TableBudget } from './table-budget.js';

/** Collects checkpoints during the index pass: columns, and states deflated in groups. */
export class CheckpointBuilder {
  readonly #inOffsets: number[] = [];
  readonly #outOffsets: number[] = [];
  readonly #stateStarts: number[] = [0];
  readonly #stateCrcs: number[] = [];
  readonly #states: StateGroups;
  #group: Uint8Array[] = [];

  /** @param stateBytes limit of all states, deflated */
  constructor(stateBytes: number, budget?: TableBudget) {
    this.#states = new StateGroups(stateBytes, budget);
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  add({ inOffset, outOffset, state }: Checkpoint): void {
    this.#inOffsets.push(inOffset);
    this.#outOffsets.push(outOffset);
    this.#stateStarts.push(this.#stateStarts.at(-1)! + state.length);
    this.#stateCrcs.push(crc32(state));
    this.#group.push(state);
    if (this.#group.length === STATE_GROUP) this.#endGroup();
  }

  #endGroup(): void {
    this.#states.add(Buffer.concat(this.#group));
    this.#group = [];
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  async finish(): Promise<{ checkpoints: CheckpointColumns; states: Uint8Array }> {
    if (this.#group.length > 0) this.#endGroup();
    const { bytes, starts } = await this.#states.finish();
    return {
      checkpoints: {
        length: this.#inOffsets.length,
        inOffsets: Float64Array.from(this.#inOffsets),
        outOffsets: Float64Array.from(this.#outOffsets),
        stateStarts: Float64Array.from(this.#stateStarts),
        groupStarts: starts,
        stateCrcs: Uint32Array.from(this.#stateCrcs),
      },
      states: bytes,
    };
  }
}
