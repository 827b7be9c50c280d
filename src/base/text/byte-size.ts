import { LayerslayerError } from '../errors.js';

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
  const want = 'want bytes, or a number with KiB, MiB or GiB';
  return new LayerslayerError('INVALID_ARGUMENT', `not a size: ${JSON.stringify(text)}: ${want}`);
}
