/**
 * The descriptions of the four tables in use, as they stood in the stream, and the repeat offsets:
 * what a checkpoint needs besides window bytes. A few bytes each; the tables are built again from
 * them. A slot is u8 mode, u8 length, then the bytes.
 */
import { DESCRIPTION_SLOT, DESCRIPTIONS, SAVED, SAVED_SIZE } from './layout';

/** Slots 0 to 2 are the kinds of symbol-values.ts. */
export const TREE_SLOT: u32 = 3;
const SLOTS: u32 = 4;

/** No table: none of the modes of the stream (3.1.1.3.2.1), which are 0 to 3. */
export const MODE_NONE: u32 = 255;

@inline
function slotOf(slot: u32): usize {
  return DESCRIPTIONS + slot * DESCRIPTION_SLOT;
}

export function forgetDescriptions(): void {
  for (let slot: u32 = 0; slot < SLOTS; slot++) describe(slot, MODE_NONE, 0, 0);
}

/** @param length at most 128, the longest tree; no FSE table needs more */
export function describe(slot: u32, mode: u32, from: usize, length: u32): void {
  const to = slotOf(slot);
  store<u8>(to, <u8>mode);
  store<u8>(to, <u8>length, 1);
  memory.copy(to + 2, from, length);
}

/** Writes all slots to `to`. @returns the address after them */
export function writeDescriptions(to: usize): usize {
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    const from = slotOf(slot);
    const length = 2 + <u32>load<u8>(from, 1);
    memory.copy(to, from, length);
    to += length;
  }
  return to;
}

/** Address of the description after the one at `at`; 0 if it does not end before `end`. */
export function afterDescription(at: usize, end: usize): usize {
  if (at + 2 > end || end > SAVED + SAVED_SIZE) return 0;
  const next = at + 2 + load<u8>(at, 1);
  return next > end ? 0 : next;
}
