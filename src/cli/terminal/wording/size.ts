import { formatSize } from '../../../base/text/byte-size.js';

export { formatSize, parseSize } from '../../../base/text/byte-size.js';

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
