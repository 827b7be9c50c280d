export { parseSize } from '../../base/text/byte-size.js';

/** Powers of 1024. */
const LETTERS = ['', 'K', 'M', 'G', 'T', 'P'];

/** Binary units with one decimal (`28.3 MiB`); below 1 KiB bytes. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let power = 0;
  let value = bytes;
  // 1023.95 and more would print as 1024.0 of the smaller unit.
  while (value >= 1023.95 && power < LETTERS.length - 1) {
    value /= 1024;
    power++;
  }
  return `${value.toFixed(1)} ${LETTERS[power]}iB`;
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
