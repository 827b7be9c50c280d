import { expect, it } from 'vitest';
import { imageRecord, imageTables } from '#src/cli/commands/inspect/image-report.js';
import { OWN } from '#src/index/cached-indexes.js';
import type { ImageOffer, ResolvedImage } from '#src/source/image-source.js';

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const LONG = `RUN ${'make '.repeat(40)}`.trim();

/** Two layers; every step of the history says that it made one. */
function imageOf(...steps: string[]): { image: ResolvedImage; offer: ImageOffer } {
  const layers = [1, 2].map((n) => ({ mediaType: 'x', digest: digest(n), size: 2048 }));
  const image = {
    reference: 'docker.io/library/app:latest',
    digest: digest(9),
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: { mediaType: 'm', config: { mediaType: 'c', digest: digest(8), size: 1 }, layers },
    config: {
      diffIds: [],
      history: steps.map((createdBy) => ({ createdBy, emptyLayer: false })),
      container: { env: [], exposedPorts: [], volumes: [], labels: { evil: 'a\nImage: b' } },
    },
  } as unknown as ResolvedImage;
  return { image, offer: { digest: image.digest, isIndex: false, images: [] } };
}

it('of a history that does not fit the layers says so', () => {
  const { image, offer } = imageOf('RUN one');
  expect(imageTables(image, offer, undefined)).toContain('\n1     -      ?     RUN one\n');
  expect(imageRecord(image, offer, [OWN, OWN]).steps).toEqual([
    { createdBy: 'RUN one', metadataOnly: false },
  ]);
});

it('on a terminal cuts build steps, and nothing else', () => {
  const { image, offer } = imageOf(LONG, 'RUN two');
  const lines = imageTables(image, offer, 60).split('\n');
  const step = lines.find((line) => line.includes('make'))!;
  expect(step).toHaveLength(59);
  expect(step).toMatch(/ma.{0,3}…$/);
  expect(lines).toContain(`1      2.0 KiB  ${digest(1)}`);
  expect(imageTables(image, offer, undefined)).toContain(LONG);
});

it('begins no line with what an image says', () => {
  const { image, offer } = imageOf('RUN a\nImage: c', 'RUN two');
  const lines = imageTables(image, offer, undefined).split('\n');
  expect(lines.filter((line) => line.startsWith('Image:'))).toHaveLength(1);
});
