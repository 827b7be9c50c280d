import { setImmediate as nextTurn } from 'node:timers/promises';

/** Numbers that are sorted or merged without a turn of the event loop: some milliseconds. */
const AT_ONCE = 8_192;

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
  for (let from = 0; from < length; from += AT_ONCE) {
    numbers.subarray(from, from + AT_ONCE).sort(compare);
    if (length > AT_ONCE) await turn(signal);
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
        if (++merged % AT_ONCE === 0) await turn(signal);
      }
    }
    [source, target] = [target, source];
  }
  return source;
}

async function turn(signal: AbortSignal): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}
