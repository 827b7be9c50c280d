import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Checkpoint } from '../../codec/codec.js';
import { inflatePrefix } from '../../codec/inflate-prefix.js';
import { type CheckpointColumns, STATE_GROUP, type StateStorage } from '../../index/checkpoints.js';

/**
 * Reads a checkpoint with its state.
 * @throws Error if the state is damaged or missing
 */
export function readCheckpoint(
  columns: CheckpointColumns,
  storage: StateStorage,
  number: number,
): Checkpoint {
  const { inOffsets, outOffsets, stateStarts, stateCrcs } = columns;
  const isEmpty = stateStarts[number] === stateStarts[number + 1];
  const state = isEmpty ? new Uint8Array(0) : readState(columns, storage, number);
  if (crc32(state) !== stateCrcs[number]) throw new Error('its bytes are not as written');
  return { inOffset: inOffsets[number]!, outOffset: outOffsets[number]!, state };
}

function readState(columns: CheckpointColumns, storage: StateStorage, number: number): Uint8Array {
  const { stateStarts, groupStarts } = columns;
  const group = Math.floor(number / STATE_GROUP);
  const start = groupStarts[group]!;
  const length = groupStarts[group + 1]! - start;
  let deflated: Uint8Array;
  if ('memory' in storage) {
    deflated = new Uint8Array(storage.memory, start, length);
  } else {
    deflated = new Uint8Array(length);
    const read = readSync(storage.fd, deflated, 0, length, storage.offset + start);
    if (read < length) throw new Error(`its file ends ${length - read} bytes early`);
  }
  const groupStart = stateStarts[group * STATE_GROUP]!;
  const states = inflatePrefix(deflated, stateStarts[number + 1]! - groupStart);
  return states.subarray(stateStarts[number]! - groupStart);
}
