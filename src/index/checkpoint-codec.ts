import { packIntegers, unpackIntegers } from './integer-planes.js';
import { type CheckpointColumns, WINDOW_GROUP } from './layer-index.js';

/** Checkpoints as integer columns, offsets as the differences between neighbours. */
export function packCheckpoints(checkpoints: CheckpointColumns): Uint8Array[] {
  const { length } = checkpoints;
  return [
    packIntegers(differences(checkpoints.inOffsets, length), length),
    packIntegers(checkpoints.bits, length),
    packIntegers(differences(checkpoints.outOffsets, length), length),
    packIntegers(differences(checkpoints.windowStarts, length + 1), length + 1),
    packIntegers(
      differences(checkpoints.groupStarts, checkpoints.groupStarts.length),
      checkpoints.groupStarts.length,
    ),
    packIntegers(checkpoints.windowCrcs, length),
  ];
}

/** @throws LayerslayerError CORRUPT_LAYER when they are cut short */
export function unpackCheckpoints(packed: Uint8Array, length: number): CheckpointColumns {
  const checkpoints: CheckpointColumns = {
    length,
    inOffsets: new Float64Array(length),
    bits: new Uint8Array(length),
    outOffsets: new Float64Array(length),
    windowStarts: new Float64Array(length + 1),
    groupStarts: new Float64Array(Math.ceil(length / WINDOW_GROUP) + 1),
    windowCrcs: new Uint32Array(length),
  };
  let at = unpackIntegers(packed, 0, checkpoints.inOffsets);
  at = unpackIntegers(packed, at, checkpoints.bits);
  at = unpackIntegers(packed, at, checkpoints.outOffsets);
  at = unpackIntegers(packed, at, checkpoints.windowStarts);
  at = unpackIntegers(packed, at, checkpoints.groupStarts);
  unpackIntegers(packed, at, checkpoints.windowCrcs);
  const { inOffsets, outOffsets, windowStarts, groupStarts } = checkpoints;
  for (const column of [inOffsets, outOffsets, windowStarts, groupStarts]) {
    for (let i = 1; i < column.length; i++) column[i]! += column[i - 1]!;
  }
  return checkpoints;
}

function differences(column: Float64Array, length: number): Float64Array {
  const result = new Float64Array(length);
  for (let i = 0; i < length; i++) result[i] = column[i]! - (i > 0 ? column[i - 1]! : 0);
  return result;
}
