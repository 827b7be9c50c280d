import { formatSize } from '../../base/text/size-text.js';
import { usageError } from '../options/usage-error.js';

export { formatSize } from '../../base/text/size-text.js';

/** Powers of 1024, as docker reads `4g`; with `B` alone (`4GB`) powers of 1000, as SI has it. */
const LETTERS = ['', 'K', 'M', 'G', 'T', 'P'];

/**
 * A byte count: `0`, `1048576`, `64MiB`, `64M`, `1.5GiB`, `4GB`. Case does not matter.
 * @throws LayerslayerError INVALID_ARGUMENT, also past 2^53-1
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(I?B)?$/i.exec(text.trim());
  // `64iB` is a unit of nothing.
  if (!match || (match[3]?.length === 2 && match[2] === '')) throw notASize(text);
  const power = LETTERS.indexOf(match[2]!.toUpperCase());
  const size = Number(match[1]) * (match[3]?.length === 1 ? 1000 : 1024) ** power;
  if (!Number.isSafeInteger(Math.round(size))) throw notASize(text);
  return Math.round(size);
}

function notASize(text: string): Error {
  return usageError(`not a size: ${JSON.stringify(text)}: want bytes, or a number with KiB, MiB or GiB`);
}

/** Returns `1.9 s`; from a minute on `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** As `formatSize`, without a decimal that says nothing: `256 KiB`, `96.5 KiB`. */
export function formatRoundSize(bytes: number): string {
  return formatSize(bytes).replace('.0 ', ' ');
}

/** `1 layer`, `2 layers`. */
export function countText(number: number, one: string, several = `${one}s`): string {
  return `${number} ${number === 1 ? one : several}`;
}
