import { describe, expect, it } from 'vitest';
import { parseDigest } from '#src/oci/digest.js';
import { planArchive } from '#src/save/archive/image-archive.js';
import type { ResolvedImage } from '#src/source/image-source.js';
import { sha256 } from '../../support/registry.js';

const digest = (text: string) => parseDigest(sha256(text));
const NAMES = { tag: 'v1', repoTags: ['example.com/app:v1'] };

/** @param layers blob and diff_id, as texts whose digests they are */
function planOf(
  layers: readonly (readonly [string, string])[],
  diffIds = layers.map(([, diffId]) => diffId),
) {
  const config = Buffer.from('{}');
  const image: ResolvedImage = {
    reference: 'example.com/app:v1',
    digest: digest('manifest'),
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: '', digest: digest('config'), size: config.length },
      layers: layers.map(([blob]) => ({ mediaType: '', digest: digest(blob), size: 9 })),
    },
    config: {
      diffIds: diffIds.map(digest),
      history: [],
      container: {},
    } as unknown as ResolvedImage['config'],
  };
  return planArchive('docker-archive', image, { manifest: Buffer.from('{}'), config }, NAMES);
}

describe('the plan of a docker-archive', () => {
  it('has each blob once, also one that is another blob in other words', () => {
    const { layers } = planOf([
      ['a', 'A'],
      ['b', 'B'],
      ['a', 'A'],
      ['another a', 'A'],
    ]);
    const nameOf = (text: string) => `${digest(text).slice(7)}.tar`;
    expect(layers.map((one) => [one.name, one.digest, one.diffId, one.numbers])).toEqual([
      [nameOf('A'), digest('a'), digest('A'), [1, 3]],
      [nameOf('B'), digest('b'), digest('B'), [2]],
      [nameOf('A'), digest('another a'), digest('A'), [4]],
    ]);
  });

  it('is refused if the config says two things of one blob', () => {
    const twice = [
      ['a', 'A'],
      ['a', 'B'],
    ] as const;
    expect(() => planOf(twice)).toThrow(
      expect.objectContaining({
        code: 'DIGEST_MISMATCH',
        message: expect.stringContaining('layers 1 and 2'),
      }),
    );
    expect(() => planOf([['a', 'A']], [])).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('is made in linear time of a manifest with many layers', () => {
    const many = Array.from({ length: 40_000 }, (_, i) => [`a${i}`, `A${i}`] as const);
    const began = performance.now();
    expect(planOf(many).layers).toHaveLength(40_000);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
