import { usageError } from '../../options/usage-error.js';
import { formatSize, parseSize } from '../../terminal/wording/size.js';

/** `--fail-above`, as it was given: bytes, or a percentage of the bytes in the layers. */
export type SizeLimit = { text: string } & ({ bytes: number } | { percent: number });

const PERCENT = /^(\d+(?:\.\d+)?)\s*%$/;

/**
 * @returns undefined if it was not given
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parseLimit(text: string | undefined): SizeLimit | undefined {
  if (text === undefined) return undefined;
  const percent = PERCENT.exec(text.trim())?.[1];
  if (percent === undefined) return { text, bytes: parseSize(text) };
  if (Number(percent) > 100) throw usageError(`--fail-above ${text}: nothing is more than 100%`);
  return { text, percent: Number(percent) };
}

/**
 * Judges a sum of bytes.
 * @param what that has the bytes, for the message
 * @param layerBytes bytes of files in the layers
 * @returns why the limit is passed, for people; undefined if it is not
 */
export function breachOf(
  limit: SizeLimit,
  what: string,
  { bytes, layerBytes }: { bytes: number; layerBytes: number },
): string | undefined {
  const isAbove = 'bytes' in limit ? bytes > limit.bytes : percentOf(bytes, layerBytes) > limit.percent;
  if (!isAbove) return undefined;
  const share =
    'percent' in limit ? `, ${percentText(bytes, layerBytes, 2)} of ${formatSize(layerBytes)}` : '';
  return `above the limit of ${limit.text}: ${what}: ${formatSize(bytes)}${share}`;
}

/** Returns 0 of nothing. */
export function percentOf(bytes: number, all: number): number {
  return all === 0 ? 0 : (bytes / all) * 100;
}

/** `3.6%` */
export function percentText(bytes: number, all: number, decimals = 1): string {
  return `${percentOf(bytes, all).toFixed(decimals)}%`;
}
