/**
 * To resume at a checkpoint, only those bytes of the window before it are needed that matches after
 * it read. They are stored without positions, in the order in which they are first read: the
 * resumed decoder meets the same matches in the same order.
 *
 * Each byte of the window has a mark, a bit: an eighth of the memory of flags, so it stays in the
 * processor's cache.
 */
import { STEP } from './copy';
import { SLACK } from './layout';
import { addressBefore, Ring } from './ring';

export class WindowBytes {
  /** Matches are followed: their bytes are stored, or restored. */
  static active: bool = false;
  static resuming: bool = false;
  /** Output since the checkpoint, at the start of the block. */
  static since: u32 = 0;
  static marks: usize = 0;
  static bytes: usize = 0;
  static next: usize = 0; // address of the next byte that is stored or restored
  static end: usize = 0; // address after the room, or after the last byte to restore
  /** There was no room for all bytes: the checkpoint is of no use. */
  static isOver: bool = false;
}

/** Places marks and room for `room` bytes at `start`. @returns the address after them */
export function placeWindowBytes(start: usize, window: u32, room: u32): usize {
  WindowBytes.active = false;
  WindowBytes.marks = (start + 15) & ~15;
  WindowBytes.bytes = (WindowBytes.marks + (window >> 3) + 8 + 15) & ~15;
  WindowBytes.end = WindowBytes.bytes + room;
  return WindowBytes.end + SLACK;
}

/** A checkpoint is here. */
export function startWindowBytes(resuming: bool): void {
  const window = Ring.window;
  // Only bytes that exist are marked: those nearest, whose marks are the last.
  const history: u32 = Ring.history < <u64>window ? <u32>Ring.history : window;
  const from = (window - history) >> 3;
  memory.fill(WindowBytes.marks + from, 0, (window >> 3) + 8 - from);
  WindowBytes.next = WindowBytes.bytes;
  WindowBytes.since = 0;
  WindowBytes.active = true;
  WindowBytes.resuming = resuming;
  WindowBytes.isOver = false;
}

/** A block of `length` bytes was put out. No match can reach a window's length back. */
export function passWindowBytes(length: u32): void {
  if (!WindowBytes.active) return;
  WindowBytes.since += length;
  if (WindowBytes.since >= Ring.window) WindowBytes.active = false;
}

/** The lowest `count` lanes of a vector all ones: LANES + 16 - count. */
const LANES: usize = memory.data(32, 16);
memory.fill(LANES, 0xff, 16);

/** Moves 1 to 16 bytes that are adjacent in the ring. */
@inline
function moveStep(ring: usize, next: usize, count: u32, resuming: bool): void {
  if (ASC_FEATURE_SIMD) {
    if (resuming) {
      const lanes = v128.load(LANES + STEP - count);
      v128.store(ring, v128.bitselect(v128.load(next), v128.load(ring), lanes));
    } else {
      v128.store(next, v128.load(ring));
    }
  } else if (resuming) {
    memory.copy(ring, next, count);
  } else {
    store<u64>(next, load<u64>(ring));
    store<u64>(next, load<u64>(ring, 8), 8);
  }
}

/**
 * The match at `at`, `since` bytes after the checkpoint, reads from before the checkpoint. Its
 * source is in the history.
 * @returns false if it reads a byte that was not kept
 */
export function meetMatch(at: usize, since: u32, distance: u32, length: u32): bool {
  const back = distance - since; // from the checkpoint to the source
  const count = min(length, back);
  const resuming = WindowBytes.resuming;
  let mark = Ring.window - back; // number of the source's bit
  let next = WindowBytes.next;
  for (let done: u32 = 0; done < count; done += STEP, mark += STEP) {
    const here = min<u32>(STEP, count - done);
    const all: u32 = (1 << here) - 1;
    const word = WindowBytes.marks + (mark >> 3);
    const marks = load<u32>(word);
    const known = (marks >> (mark & 7)) & all;
    if (known == all) continue;
    if (next + here - <u32>popcnt<u32>(known) > WindowBytes.end) return stopShort(resuming);
    store<u32>(word, marks | (all << (mark & 7)));
    const source = addressBefore(at, distance - done);
    // All at once, unless some are known or the old segment ends between them.
    if (known == 0 && addressBefore(at, distance - done - here + 1) - source == here - 1) {
      moveStep(source, next, here, resuming);
      next += here;
      continue;
    }
    for (let i: u32 = 0; i < here; i++) {
      if ((known >> i) & 1) continue;
      const byte = addressBefore(at, distance - done - i);
      if (resuming) store<u8>(byte, load<u8>(next));
      else store<u8>(next, load<u8>(byte));
      next++;
    }
  }
  WindowBytes.next = next;
  return true;
}

/** While tracking, the checkpoint is given up. */
function stopShort(resuming: bool): bool {
  if (resuming) return false;
  WindowBytes.isOver = true;
  WindowBytes.active = false;
  return true;
}
