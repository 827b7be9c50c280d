import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { LayerslayerError } from '../../base/errors.js';
import type { Checkpoint } from '../../codec/codec.js';
import { inflatePrefix } from '../../codec/inflate-prefix.js';
import { SHA256_LENGTH } from '../../oci/digest.js';
import {
  COUNT_LENGTH,
  packCount,
  packIntegers,
  unpackCount,
  unpackIntegers,
} from '../file/packed-columns.js';
import type { RemoteStates } from './remote-states.js';

/**
 * Checkpoints of a layer as columns, ascending; none if its codec can resume anywhere. Their states
 * are not here: at about 1 % of a layer's bytes they stay on disk (or in one shared buffer) until a
 * reader resumes at them.
 */
export interface CheckpointColumns {
  length: number;
  inOffsets: Float64Array; // bytes of compressed input
  outOffsets: Float64Array; // bytes of uncompressed output
  stateStarts: Float64Array; // length + 1 offsets among all states, inflated
  groupSize: number; // states deflated together
  groupStarts: Float64Array; // offsets of groups among all of them, deflated, and their end
  stateCrcs: Uint32Array; // CRC32 of each state: it is checked when it is used
  /** SHA-256 of each deflated group, 32 bytes a group; empty or undefined if the index has none. */
  groupDigests?: Uint8Array;
}

/** States of a group if an index does not say how many. */
export const USUAL_GROUP_SIZE = 8;
/** Bounds what a reader of one state inflates. */
export const MAX_GROUP_SIZE = 64;

/** Bytes of a group that is read, at most. Others may have published it. */
const GROUP_SIZE_MAX = 64 * 1024 * 1024;
/** Inflated bytes of a group, at most: a window of zstd has 128 MiB. */
const STATES_SIZE_MAX = 256 * 1024 * 1024;

/**
 * Where the deflated states are read from: the open index file, an open file of their own
 * (undefined if it is gone), memory if the index is not cached, or an index file in a registry.
 */
export type StateStorage =
  | { fd: number; offset: number }
  | { detachedFd: number | undefined }
  | { memory: SharedArrayBuffer }
  | { remote: RemoteStates };

/** Returns the number of the last checkpoint at or before `outOffset` (the first is at 0). */
export function checkpointBefore(checkpoints: CheckpointColumns, outOffset: number): number {
  let low = 0;
  let high = checkpoints.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (checkpoints.outOffsets[middle]! <= outOffset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Estimates where in the blob the bytes up to `outOffset` end, as if spans were compressed evenly.
 * Returns Infinity after the last checkpoint.
 */
export function inputOffsetAt(checkpoints: CheckpointColumns, outOffset: number): number {
  const { inOffsets, outOffsets } = checkpoints;
  const before = checkpointBefore(checkpoints, outOffset);
  if (before >= checkpoints.length - 1) return Number.POSITIVE_INFINITY;
  const span = Math.max(1, outOffsets[before + 1]! - outOffsets[before]!); // a damaged index may have one of 0
  const share = (outOffset - outOffsets[before]!) / span;
  return inOffsets[before]! + share * (inOffsets[before + 1]! - inOffsets[before]!);
}

/**
 * Reads a checkpoint with its state.
 * @throws Error if the state is damaged or missing
 */
export function readCheckpoint(
  columns: CheckpointColumns,
  storage: StateStorage,
  number: number,
): Checkpoint {
  const group = stateGroup(columns, number);
  const deflated = group && readGroup(storage, group);
  // A file of their own may be that of another index.
  if (deflated && 'detachedFd' in storage && !hasDigest(columns, group, deflated)) throw wrongDigest();
  return checkpointIn(columns, number, deflated);
}

/** Whether the state of a checkpoint is empty: nothing is needed to start there. */
export function isStateless({ stateStarts }: CheckpointColumns, number: number): boolean {
  return stateStarts[number] === stateStarts[number + 1];
}

/** Returns the last checkpoint up to `number` whose state is empty, as that of the first is. */
export function statelessBefore(columns: CheckpointColumns, number: number): number {
  let before = number;
  while (before > 0 && !isStateless(columns, before)) before--;
  return before;
}

/** Whether all states are as written. Reads them group by group. */
export async function areStatesIntact(columns: CheckpointColumns, storage: StateStorage): Promise<boolean> {
  const { groupStarts } = columns;
  try {
    for (let number = 0; number < groupStarts.length - 1; number++) {
      const start = groupStarts[number]!;
      const group = { number, start, length: groupStarts[number + 1]! - start };
      if (!hasDigest(columns, group, readGroup(storage, group))) return false;
      await nextTurn();
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns deflated states `[start, start + length)`.
 * @param isAgain the same bytes came before, and were wrong
 */
export type FetchStates = (start: number, length: number, isAgain: boolean) => Promise<Uint8Array>;

/**
 * As `readCheckpoint`, for states that are fetched. Bytes with a wrong digest are fetched once
 * more.
 * @throws Error if the state is damaged; what `fetch` throws
 */
export async function fetchCheckpoint(
  columns: CheckpointColumns,
  number: number,
  fetch: FetchStates,
): Promise<Checkpoint> {
  const group = stateGroup(columns, number);
  if (!group) return checkpointIn(columns, number, undefined);
  if (group.length > GROUP_SIZE_MAX) throw new Error(`its group has ${group.length} bytes`);
  for (const isAgain of [false, true]) {
    const deflated = await fetch(group.start, group.length, isAgain);
    if (hasDigest(columns, group, deflated)) return checkpointIn(columns, number, deflated);
  }
  throw wrongDigest();
}

function hasDigest({ groupDigests }: CheckpointColumns, { number }: StateGroup, bytes: Uint8Array): boolean {
  const wanted = groupDigests?.subarray(number * SHA256_LENGTH, (number + 1) * SHA256_LENGTH);
  return wanted !== undefined && createHash('sha256').update(bytes).digest().compare(wanted) === 0;
}

function wrongDigest(): Error {
  return new Error('its bytes are not those of their digest');
}

/** A group of deflated states. */
interface StateGroup {
  number: number;
  start: number; // offset among all groups
  length: number; // bytes
}

/** Returns the group that has the state of a checkpoint; undefined for an empty state. */
function stateGroup(columns: CheckpointColumns, number: number): StateGroup | undefined {
  const { groupSize, groupStarts } = columns;
  if (isStateless(columns, number)) return undefined;
  const group = Math.floor(number / groupSize);
  const start = groupStarts[group]!;
  return { number: group, start, length: groupStarts[group + 1]! - start };
}

/**
 * Returns a checkpoint whose state is in a group.
 * @param deflated bytes of the group; undefined: the state is empty
 * @throws Error if the state is damaged
 */
function checkpointIn(
  columns: CheckpointColumns,
  number: number,
  deflated: Uint8Array | undefined,
): Checkpoint {
  const { inOffsets, outOffsets, stateStarts, groupSize, stateCrcs } = columns;
  let state: Uint8Array = new Uint8Array(0);
  if (deflated) {
    const groupStart = stateStarts[number - (number % groupSize)]!;
    const length = stateStarts[number + 1]! - groupStart;
    if (length > STATES_SIZE_MAX) throw new Error(`its states have ${length} bytes`);
    const states = inflatePrefix(deflated, length);
    state = states.subarray(stateStarts[number]! - groupStart);
  }
  if (crc32(state) !== stateCrcs[number]) throw new Error('its bytes are not as written');
  return { inOffset: inOffsets[number]!, outOffset: outOffsets[number]!, state };
}

function readGroup(storage: StateStorage, { start, length }: StateGroup): Uint8Array {
  if ('memory' in storage) return new Uint8Array(storage.memory, start, length);
  if ('remote' in storage) throw new Error('its states are in a registry');
  const { fd, offset } = 'fd' in storage ? storage : { fd: storage.detachedFd, offset: 0 };
  if (fd === undefined) throw new Error('its states are gone');
  if (length > GROUP_SIZE_MAX) throw new Error(`its group has ${length} bytes`);
  const deflated = new Uint8Array(length);
  const read = readSync(fd, deflated, 0, length, offset + start);
  if (read < length) throw new Error(`its file ends ${length - read} bytes early`);
  return deflated;
}

/** Checkpoints as integer columns, offsets as differences. Nothing if there are none. */
export function packCheckpoints(checkpoints: CheckpointColumns): Uint8Array[] {
  const { length, inOffsets, outOffsets, stateStarts, groupStarts, stateCrcs } = checkpoints;
  if (length === 0) return [];
  return [
    packCount(length),
    ...[inOffsets, outOffsets, stateStarts, groupStarts].map((column) =>
      packIntegers(
        column.map((offset, i) => offset - (column[i - 1] ?? 0)),
        column.length,
      ),
    ),
    packIntegers(stateCrcs, stateCrcs.length),
  ];
}

/**
 * @param groupSize states of a group
 * @throws LayerslayerError CORRUPT_LAYER if they are cut short, or of groups of another size
 */
export function unpackCheckpoints(
  packed: Uint8Array,
  groupSize: number,
  groupDigests: Uint8Array,
): CheckpointColumns {
  const length = unpackCount(packed);
  const checkpoints: CheckpointColumns = {
    length,
    inOffsets: new Float64Array(length),
    outOffsets: new Float64Array(length),
    stateStarts: new Float64Array(length + 1),
    groupSize,
    groupStarts: new Float64Array(Math.ceil(length / groupSize) + 1),
    stateCrcs: new Uint32Array(length),
    groupDigests,
  };
  if (length === 0) return checkpoints;
  const { inOffsets, outOffsets, stateStarts, groupStarts } = checkpoints;
  let at = COUNT_LENGTH;
  for (const column of [inOffsets, outOffsets, stateStarts, groupStarts]) {
    at = unpackIntegers(packed, at, column);
    for (let i = 1; i < column.length; i++) column[i]! += column[i - 1]!;
  }
  at = unpackIntegers(packed, at, checkpoints.stateCrcs);
  if (at !== packed.length) throw new LayerslayerError('CORRUPT_LAYER', 'layer index: too many checkpoints');
  return checkpoints;
}
