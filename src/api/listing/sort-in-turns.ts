import { Turns } from '../../base/tasks/turns.js';

/** Numbers that are sorted or merged without a turn of the event loop: 2 ms. */
const AT_ONCE = 2_048;

/** Numbers that are merged before the time is checked. */
const CHECKED_AT_ONCE = 64;

/**
 * Sorts numbers, and lets the event loop turn meanwhile: a directory may have a million names.
 * Stable.
 * @param compare of two of them
 * @throws the signal's reason
 */
export async function sortInTurns(
  numbers: Uint32Array<ArrayBuffer>,
  compare: (a: number, b: number) => number,
  signal: AbortSignal,
): Promise<Uint32Array> {
  const { length } = numbers;
  const turns = new Turns(signal);
  for (let from = 0; from < length; from += AT_ONCE) {
    numbers.subarray(from, from + AT_ONCE).sort(compare);
    await turns.due();
  }
  let source = numbers;
  let target = new Uint32Array(length > AT_ONCE ? length : 0);
  for (let width = AT_ONCE; width < length; width *= 2) {
    let merged = 0;
    for (let from = 0; from < length; from += 2 * width) {
      const middle = Math.min(from + width, length);
      const end = Math.min(from + 2 * width, length);
      let [left, right] = [from, middle];
      for (let at = from; at < end; at++) {
        const takesLeft = left < middle && (right === end || compare(source[left]!, source[right]!) <= 0);
        target[at] = takesLeft ? source[left++]! : source[right++]!;
        if (++merged % CHECKED_AT_ONCE > 0) continue;
        const turn = turns.due();
        if (turn) await turn;
      }
    }
    [source, target] = [target, source];
  }
  return source;
}

/** Returns the numbers `first` to `end - 1`. Uint32Array.from takes ten times as long. */
export function ascending(first: number, end: number): Uint32Array<ArrayBuffer> {
  const numbers = new Uint32Array(end - first);
  for (let i = 0; i < numbers.length; i++) numbers[i] = first + i;
  return numbers;
}
