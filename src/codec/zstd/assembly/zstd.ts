/**
 * A decoder of zstd blocks (RFC 8878) that can stop between any two blocks and resume there.
 * node:zlib has no zstd in Node 20, and no library stops between blocks. This one reaches 0.8 to
 * 0.9 of libzstd's speed (measured). zstd-decoder.ts reads frames and the headers of blocks, and
 * zstd-engine.ts drives this.
 *
 * The input is hostile: every match is checked against window and history, every table's
 * description against its limits. It accepts what libzstd accepts, except for some streams that do
 * not end at their last bit.
 */
import { FAULT_STATE } from '../zstd-codes';
import {
  afterDescription, forgetDescriptions, MODE_NONE, describe, TREE_SLOT, writeDescriptions,
} from './descriptions';
import { execute } from './execute';
import { readTree } from './huffman-tree';
import { BLOCK_MAX, INPUT, INPUT_SIZE, SAVED } from './layout';
import { Literals, readLiterals } from './literals';
import { endBlock, openRing, Ring, startBlock } from './ring';
import { forgetTables, prepareDefaults, readTable } from './sequence-tables';
import { decodeSequences, readSequencesHeader, RepeatOffsets, resetOffsets, Sequences } from './sequences';
import { LITERAL_LENGTH, MATCH_LENGTH } from './symbol-values';
import { passWindowBytes, placeWindowBytes, startWindowBytes, WindowBytes } from './window-bytes';
import { finishChecksum, resetChecksum, updateChecksum } from './xxh64';

/** Bytes of the three repeat offsets. */
const OFFSETS_SIZE: usize = 12;
/** Of MODE_NONE and the modes of the stream only the first three have a description. */
const FSE_COMPRESSED: u32 = 2;

prepareDefaults();

// The memory map, for the host. Addresses from `windowBytesAddress` on move with each frame.
export function inputAddress(): usize { return INPUT; }
export function inputSize(): u32 { return INPUT_SIZE; }
export function savedAddress(): usize { return SAVED; }
export function outputAddress(): usize { return Ring.next; }
export function windowBytesAddress(): usize { return WindowBytes.bytes; }

function openWindow(window: u32, room: u32, follows: bool): bool {
  forgetTables();
  forgetDescriptions();
  resetOffsets();
  Literals.hasTree = false;
  const start = placeWindowBytes(__heap_base, follows ? window : 0, room);
  return openRing(start, window);
}

/**
 * Starts a frame.
 * @param window how far matches may reach, in bytes
 * @param room for window bytes of a checkpoint; 0: none is made
 * @returns false if there is no memory
 */
export function startFrame(window: u32, room: u32): bool {
  resetChecksum();
  return openWindow(window, room, room > 0);
}

/**
 * Resumes inside a frame. The host then stores `windowLength` bytes at `windowBytesAddress`, and
 * calls `restoreTables`.
 * @returns false if there is no memory
 */
export function resumeFrame(window: u32, windowLength: u32): bool {
  if (!openWindow(window, windowLength, true)) return false;
  Ring.history = window;
  startWindowBytes(true);
  return true;
}

/** Puts offsets and tables of this position at SAVED. @returns their length */
export function saveTables(): u32 {
  store<u32>(SAVED, RepeatOffsets.first);
  store<u32>(SAVED, RepeatOffsets.second, 4);
  store<u32>(SAVED, RepeatOffsets.third, 8);
  return <u32>(writeDescriptions(SAVED + OFFSETS_SIZE) - SAVED);
}

/** Takes `length` bytes that `saveTables` put at SAVED. @returns 0, or a fault's negative code */
export function restoreTables(length: u32): i32 {
  const end = SAVED + length;
  RepeatOffsets.first = load<u32>(SAVED);
  RepeatOffsets.second = load<u32>(SAVED, 4);
  RepeatOffsets.third = load<u32>(SAVED, 8);
  let at = SAVED + OFFSETS_SIZE;
  for (let slot = LITERAL_LENGTH; slot <= TREE_SLOT; slot++) {
    const next = afterDescription(at, end);
    if (next == 0 || !restoreTable(slot, load<u8>(at), at + 2, next)) return -FAULT_STATE;
    at = next;
  }
  return at == end ? 0 : -FAULT_STATE;
}

function restoreTable(slot: u32, mode: u32, at: usize, end: usize): bool {
  if (mode == MODE_NONE) return at == end;
  if (mode > FSE_COMPRESSED) return false;
  if (slot <= MATCH_LENGTH) return readTable(mode, slot, at, end) == end;
  if (readTree(at, end) != end) return false;
  describe(TREE_SLOT, mode, at, <u32>(end - at));
  Literals.hasTree = true;
  return true;
}

/** The window's bytes are stored from here on. */
export function startTracking(): void { startWindowBytes(false); }
/** The bytes at `windowBytesAddress` are all that is needed: a window or a frame has passed. */
export function isTracking(): bool { return WindowBytes.active; }
/** @returns how many bytes were stored; -1: more than there is room for */
export function stopTracking(): i32 {
  WindowBytes.active = false;
  return WindowBytes.isOver ? -1 : <i32>(WindowBytes.next - WindowBytes.bytes);
}

function put(length: u32): i32 {
  endBlock(length);
  passWindowBytes(length);
  return length;
}

// Each puts out one block, at most BLOCK_MAX, whose stored bytes lie in the input at `at`. Returns
// its length, or a fault's negative code.
export function rawBlock(at: usize, length: u32): i32 {
  startBlock();
  memory.copy(Ring.next, at, length);
  return put(length);
}

export function rleBlock(at: usize, length: u32): i32 {
  startBlock();
  memory.fill(Ring.next, load<u8>(at), length);
  return put(length);
}

/** @param blockMax most bytes that it may put out */
export function compressedBlock(at: usize, size: u32, blockMax: u32): i32 {
  startBlock();
  const end = at + size;
  let fault = readLiterals(at, end, blockMax);
  if (fault != 0) return fault;
  fault = readSequencesHeader(Literals.end, end);
  if (fault != 0) return fault;
  if (Sequences.count > 0) {
    fault = decodeSequences(end);
    if (fault != 0) return fault;
  }
  const length = execute(blockMax);
  return length < 0 ? length : put(length);
}

/** Adds the last `length` bytes of output to the frame's checksum. */
export function hashOutput(length: u32): void { updateChecksum(Ring.next - length, length); }
export function checksum(): u32 { return finishChecksum(); }
