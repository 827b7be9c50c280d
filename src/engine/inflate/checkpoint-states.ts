import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Checkpoint } from '../../codec/codec.js';
import { inflatePrefix } from '../../codec/inflate-prefix.js';
import { type CheckpointColumns, STATE_GROUP, type StateStorage } from '../../index/checkpoints.js';

const EMPTY = new Uint8Array(0);

/** The checkpoints of a layer. A state is read and checked when a reader resumes there. */
export class CheckpointStates {
  readonly #checkpoints: CheckpointColumns;
  readonly #storage: StateStorage;
  readonly #onDamage: (number: number, why: string) => void;

  constructor(
    checkpoints: CheckpointColumns,
    storage: StateStorage,
    onDamage: (number: number, why: string) => void,
  ) {
    this.#checkpoints = checkpoints;
    this.#storage = storage;
    this.#onDamage = onDamage;
  }

  /** Returns the checkpoint, or undefined if its state is damaged. Use an earlier one then. */
  checkpoint(number: number): Checkpoint | undefined {
    const { inOffsets, outOffsets, stateStarts, stateCrcs } = this.#checkpoints;
    try {
      const isEmpty = stateStarts[number] === stateStarts[number + 1];
      const state = isEmpty ? EMPTY : this.#inflated(number);
      const checkpoint = { inOffset: inOffsets[number]!, outOffset: outOffsets[number]!, state };
      if (crc32(state) === stateCrcs[number]) return checkpoint;
      this.#onDamage(number, 'its bytes are not as written');
    } catch (error) {
      this.#onDamage(number, (error as Error).message);
    }
    return undefined;
  }

  #inflated(number: number): Uint8Array {
    const { stateStarts } = this.#checkpoints;
    const group = Math.floor(number / STATE_GROUP);
    const groupStart = stateStarts[group * STATE_GROUP]!;
    const states = inflatePrefix(this.#deflated(group), stateStarts[number + 1]! - groupStart);
    return states.subarray(stateStarts[number]! - groupStart);
  }

  #deflated(group: number): Uint8Array {
    const { groupStarts } = this.#checkpoints;
    const storage = this.#storage;
    const start = groupStarts[group]!;
    const length = groupStarts[group + 1]! - start;
    if ('memory' in storage) return new Uint8Array(storage.memory, start, length);
    const bytes = new Uint8Array(length);
    const read = readSync(storage.fd, bytes, 0, length, storage.offset + start);
    if (read < length) throw new Error(`its file ends ${length - read} bytes early`);
    return bytes;
  }
}
