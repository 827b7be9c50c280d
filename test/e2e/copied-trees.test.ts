import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RUN_SEED } from '../setup/seed.js';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { unpackLayout } from '../support/oci-layout.js';
import { randomImage } from '../support/random-layout.js';
import { compareListings, tellDifferences } from '../support/tree-compare.js';
import { listTree } from '../support/tree-listing.js';

/** Images of random trees, copied out, against umoci's unpacking of them. */
const IMAGES = process.env.LAYERSLAYER_TEST_ALL ? 25 : 6;

const place = new Workplace();
afterAll(() => place.cleanUp());

const seeds = Array.from({ length: IMAGES }, (_, i) => (RUN_SEED + i) % 2 ** 30);

describe('a random image', () => {
  it.each(seeds)('is exported and copied as umoci unpacks it: seed %d', async (seed) => {
    const layout = await randomImage(place.scratch, seed);
    const path = (name: string) => join(place.scratch, `${name}-${seed}`);
    const oracle = await listTree(await unpackLayout(layout, path('oracle')));
    expect(oracle.size).toBeGreaterThan(15);
    const image = `oci:${layout.directory}`;
    const ok = async (...words: string[]) => {
      const ended = await place.layerslayer(words);
      expect(ended).toMatchObject({ status: 0, stderr: '' });
    };

    await ok('export', image, '-o', path('tar'));
    mkdirSync(path('untarred'));
    const flags = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-p'];
    const untarred = await run('tar', ['-x', ...flags, '-C', path('untarred'), '-f', path('tar')]);
    expect(untarred.stderr).toBe('');
    expect(tellDifferences(compareListings(await listTree(path('untarred')), oracle))).toBe('');

    await ok('cp', '-a', image, '/', path('copy'));
    expect(tellDifferences(compareListings(await listTree(path('copy')), oracle))).toBe('');
  });
});
