/**
 * A decoder of raw deflate streams (RFC 1951) that can stop between any two blocks and start there again: what zlib
 * does with Z_BLOCK and inflatePrime, and Node's zlib does not offer. Compiled to wasm by AssemblyScript, embedded in
 * the package, driven by inflate-engine.ts.
 *
 * Why not something that exists: zlib bindings hide block boundaries, decoders in plain JavaScript reach a third of
 * zlib's speed, a native addon needs a compiler at install. This one is faster than node:zlib (measured).
 *
 * Input and output lie in two fixed buffers of the instance's own memory; the host fills the one, reads the other in
 * place, and moves both along. The decoder trusts nothing of the input: each match is checked against the history,
 * tables are sized for the worst case, what it accepts is exactly what zlib accepts.
 *
 * Files: layout (memory map), entry and table (decode tables), block-header, block-body (the hot loop), window-bytes
 * (what is needed to resume), stream (the state).
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

/** Output stops here, so that what overshoots stays inside the buffer. */
const OUTPUT_LIMIT: usize = OUTPUT + WINDOW_SIZE + OUTPUT_ROOM - OUTPUT_MARGIN;
/** When no more input comes, the loop may run this far into the padding, which it then reports as cut short. */
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

/** The output buffer begins anew, without history. */
export function resetOutput(): void {
  Stream.output = OUTPUT + WINDOW_SIZE;
  Stream.history = Stream.output;
  WindowBytes.checkpoint = 0;
}

/** The output buffer begins anew at a checkpoint: the host has put the `length` bytes of its window at WINDOW_BYTES. */
export function resumeOutput(length: usize): void {
  Stream.output = OUTPUT + WINDOW_SIZE;
  Stream.history = OUTPUT;
  WindowBytes.start(Stream.output, true, length);
}

/** A block header comes next, at the low `bitCount` bits of `bits` (0 to 7 of them) and then the input. */
export function startBlocks(bits: u32, bitCount: u32): void {
  Stream.bits = bits;
  Stream.bitCount = bitCount;
  Stream.phase = PHASE_HEADER;
}

/** A new stream comes next: no match may reach what was put out before. */
export function forgetHistory(): void {
  Stream.history = Stream.output;
}

/** The host has moved the input, or taken bytes from it itself. Only `startBlocks` or `run` may follow. */
export function setInput(address: usize): void {
  Stream.input = address;
}

/** Moves the last 32 KiB of output to the start of the buffer. @returns by how many bytes */
export function slideOutput(): usize {
  const distance = Stream.output - WINDOW_SIZE - OUTPUT;
  memory.copy(OUTPUT, OUTPUT + distance, WINDOW_SIZE);
  Stream.output -= distance;
  Stream.history = Stream.history > OUTPUT + distance ? Stream.history - distance : OUTPUT;
  // Whoever resumed is past its window by now: the buffer was full.
  if (WindowBytes.resuming) WindowBytes.checkpoint = 0;
  if (WindowBytes.checkpoint != 0) WindowBytes.checkpoint -= distance;
  return distance;
}

/** From here on keeps what matches read before this place. The host ends it 32 KiB later, when nothing can any more. */
export function startTracking(): void {
  WindowBytes.start(Stream.output, false, 0);
}

/** @returns how many bytes are needed; they stand at WINDOW_BYTES */
export function stopTracking(): usize {
  WindowBytes.checkpoint = 0;
  return WindowBytes.next - WINDOW_BYTES;
}

/** Decodes symbols of a block up to a limit, which lies before `stop` while the window is still being put together. */
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

/** Copies of a stored block what input and room allow. */
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
 * @param last no more input will come, and INPUT_PADDING zeros stand at inputEnd
 * @param stop address to stop at, at most OUTPUT_LIMIT; a match that begins before it may end up to 259 bytes after it
 * @param checkpointFrom BLOCK_START is reported between blocks from this output address on
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
      // In the padding: what it decoded there, fault or not, is not the stream's.
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
