import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { RUN_SEED } from '../../setup/seed.js';
import { compressZstd, decompressZstd } from '../../support/zstd.js';
import { PLAIN_KINDS, plain, randomSource } from '../gzip/plain.js';
import { scan } from './scan.js';

const OPTIONS = [
  ['-1'],
  ['-3', '--no-check'],
  ['-9', '--zstd=wlog=12'],
  ['-19'],
  ['--fast=5'],
  ['--ultra', '-22'],
];
const MUTATIONS = 8; // of each sample; a process of zstd each

/**
 * Where we refuse what zstd 1.5.4 takes: what its fast loops do not check, and what later versions
 * refuse too.
 */
const STRICTER = [
  /a Huffman stream does not end at its last bit/, // unchecked in its loop for four streams
  /the sequences' stream does not end at its last bit/, // unchecked
  /the literals section is cut short, or longer than a block/, // of small windows: it allows 128 KiB
  /the header of the sequences section is wrong/, // reserved bits
  /a match reaches back before/, // offset 0 counts as 1; a match may reach past the window
  /got a block of \d+ bytes/,
  /the sequences make more output/,
];

function outcome(blob: Uint8Array): Buffer | LayerslayerError {
  try {
    return scan(blob).output;
  } catch (error) {
    if (!(error instanceof LayerslayerError)) throw error;
    return error;
  }
}

describe(`damaged frames (LAYERSLAYER_SEED=${RUN_SEED})`, () => {
  const random = randomSource(RUN_SEED);
  const samples = PLAIN_KINDS.flatMap((kind) =>
    OPTIONS.map((options) => ({ kind, options, bytes: plain(kind, 1 + random(40_000), random(1000)) })),
  );
  it.each(samples)('$kind by $options: as zstd -d takes them, or stricter', ({ options, bytes }) => {
    const whole = Buffer.from(compressZstd(bytes, options));
    for (let i = 0; i < MUTATIONS; i++) {
      const damaged = Buffer.from(random(8) === 0 ? whole.subarray(0, 1 + random(whole.length - 1)) : whole);
      const reach = random(2) === 0 ? damaged.length : Math.min(damaged.length, 60); // headers, or all
      for (let flips = 1 + random(3); flips > 0; flips--) damaged[random(reach)]! ^= 1 << random(8);
      const ours = outcome(damaged);
      const theirs = decompressZstd(damaged);
      const blob = damaged.toString('base64');
      if (Buffer.isBuffer(ours)) expect(theirs?.equals(ours), blob).toBe(true);
      else if (theirs)
        expect(
          STRICTER.some((known) => known.test(ours.message)),
          `${ours.message} ${blob}`,
        ).toBe(true);
    }
  });
});
