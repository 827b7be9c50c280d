/**
 * The output: a ring of a window and two blocks. A block is never broken. If no whole one fits
 * before the ring's end, output continues at its start, and what stands before the end becomes the
 * old segment: matches find their source there until it is overwritten, a window later.
 */
import { BLOCK_MAX, SLACK } from './layout';

const PAGE_SHIFT: usize = 16; // pages of 64 KiB

export class Ring {
  static start: usize = 0;
  static end: usize = 0;
  static window: u32 = 0; // how far a match may reach
  static next: usize = 0; // address of the next output byte
  static segment: usize = 0; // address of the first byte of the segment that is being written
  static oldEnd: usize = 0; // address after the old segment
  static history: u64 = 0; // bytes of the frame before `next`
}

/** Makes the memory end at `end` at least. Untouched pages take no memory of the machine. */
export function ensureMemory(end: usize): bool {
  const pages = <i32>((end + 0xffff) >> PAGE_SHIFT) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0;
}

/** Empties the ring, from `start` on. @returns false if there is no memory */
export function openRing(start: usize, window: u32): bool {
  start = (start + 2 * SLACK + 15) & ~15;
  const end = start + window + 2 * BLOCK_MAX + 4 * SLACK;
  if (!ensureMemory(end)) return false;
  Ring.start = start;
  Ring.end = end;
  Ring.window = window;
  Ring.next = start;
  Ring.segment = start;
  Ring.oldEnd = end - 2 * SLACK;
  Ring.history = 0;
  return true;
}

/** Makes room for a block. */
export function startBlock(): void {
  if (Ring.next + BLOCK_MAX + 2 * SLACK <= Ring.end) return;
  Ring.oldEnd = Ring.next;
  Ring.next = Ring.start;
  Ring.segment = Ring.start;
}

/** A block of `length` bytes was put out. */
export function endBlock(length: u32): void {
  Ring.next += length;
  Ring.history += length;
}

/** The address of the byte `distance` before `at`. */
@inline
export function addressBefore(at: usize, distance: u32): usize {
  const inSegment = <u32>(at - Ring.segment);
  return distance <= inSegment ? at - distance : Ring.oldEnd - (distance - inSegment);
}
