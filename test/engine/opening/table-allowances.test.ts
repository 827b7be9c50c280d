import { expect, it } from 'vitest';
import { TableAllowances } from '#src/engine/opening/table-allowances.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import { imageTableLimit, layerTableLimit } from '#src/index/pass/table-budget.js';
import type { ResolvedImage } from '#src/source/image-source.js';

const MIB = 1024 ** 2;
const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
const image = (n: number, ...sizes: number[]) =>
  ({
    digest: digest(n),
    manifest: { layers: sizes.map((size, i) => ({ digest: digest(i), size })) },
  }) as unknown as ResolvedImage;
const index = (n: number, tableBytes: number) =>
  ({ digest: digest(n), entries: { footprint: { blobSize: 1, tableBytes } } }) as unknown as LayerIndex;

it('layers of one image count together, each once, and other images separately', () => {
  const tables = new TableAllowances();
  const many = image(100, ...Array<number>(1000).fill(16_000));
  const limit = imageTableLimit(16_000_000);
  expect(tables.allowance(many, 16_000)).toMatchObject({ layer: layerTableLimit(16_000), image: limit });
  const each = 200 * 1024; // below the step at which threads update the shared count
  const fits = Math.floor(limit / each);
  for (let n = 0; n < fits; n++) {
    tables.loaded(many, index(n, each));
    tables.loaded(many, index(n, each));
  }
  tables.loaded(image(101, 5), index(0, 100 * MIB));
  expect(() => tables.loaded(many, index(fits, each))).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(`the limit of ${limit} bytes`),
    }),
  );
});
