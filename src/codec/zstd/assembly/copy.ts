/** Copies of literals and matches. All may write SLACK bytes past their end. */
import { Ring } from './ring';

/** Bytes that are copied at a time; a match may be that far away or more. */
export const STEP: u32 = 16;

/** Sixteen bytes: one vector, or two words where the engine has no vectors. */
@inline
function copyStep(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(to, v128.load(from));
  } else {
    const low = load<u64>(from);
    const high = load<u64>(from, 8);
    store<u64>(to, low);
    store<u64>(to, high, 8);
  }
}

/**
 * Copies `length` bytes, in steps of 16. `to` does not lie in the 16 bytes from `from` on. Most
 * lengths are below 32: to copy that much unasked saves a branch that no predictor foresees.
 */
@inline
export function copyAway(to: usize, from: usize, length: u32): void {
  copyStep(to, from);
  copyStep(to + STEP, from + STEP);
  if (length > 2 * STEP) {
    const end = to + length;
    do {
      to += 2 * STEP;
      from += 2 * STEP;
      copyStep(to, from);
      copyStep(to + STEP, from + STEP);
    } while (to + 2 * STEP < end);
  }
}

/** A match nearer than 16 bytes, which reads what it writes. */
export function copyNear(to: usize, distance: u32, length: u32): void {
  const end = to + length;
  if (distance == 1) {
    memory.fill(to, load<u8>(to - 1), length);
    return;
  }
  // Doubles the pattern until a whole step of it stands before `to`.
  let span = distance;
  for (; span < STEP; span <<= 1) {
    if (to >= end) return;
    const low = load<u64>(to - span);
    const high = load<u64>(to - span, 8);
    store<u64>(to, low);
    store<u64>(to, high, 8);
    to += span;
  }
  for (; to < end; to += STEP) copyStep(to, to - span);
}

/** A match that begins in the old segment. */
export function copyFar(to: usize, distance: u32, length: u32): void {
  const old = distance - <u32>(to - Ring.segment);
  const first = min(old, length);
  memory.copy(to, Ring.oldEnd - old, first);
  if (first == length) return;
  if (distance >= STEP) copyAway(to + first, Ring.segment, length - first);
  else copyNear(to + first, distance, length - first);
}
