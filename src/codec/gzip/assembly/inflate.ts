/**
 * A decoder of raw deflate streams (RFC 1951) that can stop between any two blocks and resume
 * there. Node's zlib has no Z_BLOCK and no inflatePrime; decoders in JavaScript reach a third of
 * zlib's speed. This one is faster than node:zlib (measured). inflate-engine.ts drives it.
 *
 * Input and output are two fixed buffers. The host fills the one, reads the other in place, and
 * moves both. The input is hostile: each match is checked against the history, and tables are sized
 * for the worst case. It accepts exactly what zlib accepts.
 */
import {
  BLOCK_START, FAULT, FAULT_CUT_SHORT, NEED_INPUT, OUTPUT_FULL, STREAM_END,
} from '../inflate-codes';
import {
  BODY_END, BODY_FAULT, BODY_NEEDS_INPUT, BODY_OUTPUT_FULL, decodeBody, decodeBodyTracked, INPUT_MARGIN, OUTPUT_MARGIN, prepareRepeats,
} from './block-body';
import { HEADER_CUT_SHORT, HEADER_FAULT, readBlockHeader } from './block-header';
import { prepareEntries } from './entry';
import { INPUT, INPUT_PADDING, INPUT_SIZE, OUTPUT, OUTPUT_ROOM, WINDOW_BYTES, WINDOW_SIZE } from './layout';
import { PHASE_CODED, PHASE_END, PHASE_HEADER, PHASE_STORED, Stream } from './stream';
import { WindowBytes } from './window-bytes';

/** Output stops here, so that a match that overshoots stays inside the buffer. */
const OUTPUT_LIMIT: usize = OUTPUT + WINDOW_SIZE + OUTPUT_ROOM - OUTPUT_MARGIN;
/** The loop may run so far into the padding after the last input. It then reports a cut stream. */
const PADDING_LIMIT: usize = INPUT_PADDING / 2;

prepareEntries();
prepareRepeats();

// The memory map, for the host.
export function inputAddress(): usize { return INPUT; }
export function inputSize(): usize { return INPUT_SIZE; }
export function inputPadding(): usize { return INPUT_PADDING; }
export function outputAddress(): usize { return OUTPUT; }
export function outputLimit(): usize { return OUTPUT_LIMIT; }
export function windowBytesAddress(): usize { return WINDOW_BYTES; }

// The stream's position, for the host.
export function input(): usize { return Stream.input; }
export function bitCount(): u32 { return Stream.bitCount; }
export function output(): usize { return Stream.output; }
export function faultCode(): i32 { return Stream.fault; }

/** Empties the output buffer. */
export function resetOutput(): void {
  Stream.output = OUTPUT + WINDOW_SIZE;
  Stream.history = Stream.output;
  WindowBytes.checkpoint = 0;
}

/** Empties the output buffer at a checkpoint, whose `length` window bytes are at WINDOW_BYTES. */
export function resumeOutput(length: usize): void {
  Stream.output = OUTPUT + WINDOW_SIZE;
  Stream.history = OUTPUT;
  WindowBytes.start(Stream.output, true, length);
}

/** A block header is next, at the low `bitCount` bits (0 to 7) of `bits`, then the input. */
export function startBlocks(bits: u32, bitCount: u32): void {
  Stream.bits = bits;
  Stream.bitCount = bitCount;
  Stream.phase = PHASE_HEADER;
}

/** A new stream is next: no match may read earlier output. */
export function forgetHistory(): void {
  Stream.history = Stream.output;
}

/** The host has moved or consumed input. Only `startBlocks` or `run` may follow. */
export function setInput(address: usize): void {
  Stream.input = address;
}

/** Moves the last 32 KiB of output to the start of the buffer, and returns the distance. */
export function slideOutput(): usize {
  const distance = Stream.output - WINDOW_SIZE - OUTPUT;
  memory.copy(OUTPUT, OUTPUT + distance, WINDOW_SIZE);
  Stream.output -= distance;
  Stream.history = Stream.history > OUTPUT + distance ? Stream.history - distance : OUTPUT;
  // A resumed stream is past its window by now: the buffer was full.
  if (WindowBytes.resuming) WindowBytes.checkpoint = 0;
  if (WindowBytes.checkpoint != 0) WindowBytes.checkpoint -= distance;
  return distance;
}

/** Stores from now on what matches read before this position. The host ends it after 32 KiB. */
export function startTracking(): void {
  WindowBytes.start(Stream.output, false, 0);
}

/** Returns how many bytes at WINDOW_BYTES are needed. */
export function stopTracking(): usize {
  WindowBytes.checkpoint = 0;
  return WindowBytes.next - WINDOW_BYTES;
}

/** Decodes symbols of a block, slowly while matches can reach the window. */
function decodeSymbols(inputLimit: usize, stop: usize): i32 {
  const checkpoint = WindowBytes.checkpoint;
  if (checkpoint == 0) return decodeBody(inputLimit, stop);
  if (!WindowBytes.resuming) return decodeBodyTracked(inputLimit, stop);
  const outcome = decodeBodyTracked(inputLimit, min(stop, checkpoint + WINDOW_SIZE));
  // No match from here on can reach the window.
  if (Stream.output >= checkpoint + WINDOW_SIZE) WindowBytes.checkpoint = 0;
  return outcome == BODY_OUTPUT_FULL && Stream.output < stop ? decodeBody(inputLimit, stop) : outcome;
}

function fail(code: i32): i32 {
  Stream.fault = code;
  return FAULT;
}

/** Copies as much of a stored block as input and room allow. */
function copyStored(inputEnd: usize, stop: usize): void {
  const room = Stream.output < stop ? stop - Stream.output : 0;
  const length = min<usize>(min<usize>(Stream.storedLeft, inputEnd - Stream.input), room);
  memory.copy(Stream.output, Stream.input, length);
  Stream.input += length;
  Stream.output += length;
  Stream.storedLeft -= <u32>length;
}

/**
 * Decodes until one of the events of inflate-codes.ts.
 * @param inputEnd address after the last input byte
 * @param last no more input will come, and INPUT_PADDING zeros follow
 * @param stop address, at most OUTPUT_LIMIT; a match may end up to 259 bytes after it
 * @param checkpointFrom output address from which BLOCK_START is reported between blocks
 */
export function run(inputEnd: usize, last: bool, stop: usize, checkpointFrom: usize): i32 {
  const inputLimit = last ? inputEnd + PADDING_LIMIT : inputEnd - INPUT_MARGIN;
  for (;;) {
    if (Stream.phase == PHASE_HEADER) {
      const outcome = readBlockHeader(inputEnd);
      if (outcome == HEADER_CUT_SHORT) return last ? fail(FAULT_CUT_SHORT) : NEED_INPUT;
      if (outcome == HEADER_FAULT) return FAULT;
      continue;
    }
    if (Stream.phase == PHASE_CODED) {
      const outcome = decodeSymbols(inputLimit, stop);
      if (outcome == BODY_NEEDS_INPUT && !last) return NEED_INPUT;
      // What it decoded in the padding, fault or not, is not the stream's.
      if (outcome == BODY_NEEDS_INPUT || Stream.input > inputEnd) return fail(FAULT_CUT_SHORT);
      if (outcome == BODY_FAULT) return FAULT;
      if (outcome != BODY_END) return OUTPUT_FULL;
    } else if (Stream.phase == PHASE_STORED) {
      copyStored(inputEnd, stop);
      if (Stream.storedLeft != 0) {
        if (Stream.output >= stop) return OUTPUT_FULL;
        return last ? fail(FAULT_CUT_SHORT) : NEED_INPUT;
      }
    } else {
      return STREAM_END;
    }
    if (Stream.finalBlock) Stream.phase = PHASE_END;
    else {
      Stream.phase = PHASE_HEADER;
      if (Stream.output >= checkpointFrom) return BLOCK_START;
    }
  }
  return FAULT;
}
