import type { HistoryStep } from '../../oci/image-config.js';

/** A build step that only one image has. */
export interface StepDifference {
  kind: 'step';
  step: number; // from 1, in its image
  from: string | undefined; // its command, if the first image has it
  to: string | undefined; // its command, if the second image has it
}

/** Pairs of steps that are compared at most: 4 MB of memory. Real images have 100 steps. */
const PAIRS_MAX = 1_000_000;

/**
 * Compares build steps by their commands, in their order: a longest common subsequence, which
 * leaves the fewest differences. Of more than a million pairs of steps, all between the first
 * difference and the last are different.
 */
export function stepDifferences(from: readonly HistoryStep[], to: readonly HistoryStep[]): StepDifference[] {
  const some = from.map(commandOf);
  const others = to.map(commandOf);
  let start = 0;
  while (start < some.length && start < others.length && some[start] === others[start]) start++;
  let end = 0;
  while (end < Math.min(some.length, others.length) - start && some.at(-1 - end) === others.at(-1 - end))
    end++;
  const found: StepDifference[] = [];
  const [fromEnd, toEnd] = [some.length - end, others.length - end];
  const common = commonLengths(some.slice(start, fromEnd), others.slice(start, toEnd));
  let [i, j] = [start, start];
  while (i < fromEnd || j < toEnd) {
    if (i < fromEnd && j < toEnd && common && some[i] === others[j]) {
      i++;
      j++;
    } else if (
      i < fromEnd &&
      (j === toEnd || !common || common(i + 1 - start, j - start) >= common(i - start, j + 1 - start))
    ) {
      found.push({ kind: 'step', step: i + 1, from: some[i]!, to: undefined });
      i++;
    } else {
      found.push({ kind: 'step', step: j + 1, from: undefined, to: others[j]! });
      j++;
    }
  }
  return found;
}

const commandOf = ({ createdBy = '' }: HistoryStep) => createdBy;

/**
 * Returns a function with the length of the longest common subsequence of what is left from two
 * positions on; undefined if there are too many pairs.
 */
function commonLengths(
  some: readonly string[],
  others: readonly string[],
): ((i: number, j: number) => number) | undefined {
  const width = others.length + 1;
  if (some.length * others.length > PAIRS_MAX) return undefined;
  const lengths = new Uint32Array((some.length + 1) * width);
  for (let i = some.length - 1; i >= 0; i--) {
    for (let j = others.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        some[i] === others[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  return (i, j) => lengths[i * width + j]!;
}
