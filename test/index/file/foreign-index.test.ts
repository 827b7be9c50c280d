/** Indexes that others published: any program may have written them. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE } from '#src/blob/page.js';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { encodeLayerIndex } from '#src/index/file/encode-index.js';
import { checkLayerIndex } from '#src/index/file/foreign-index.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import { IndexPass, LayerIndexBuilder } from '#src/index/pass/index-pass.js';
import { digestOf } from '#src/oci/digest.js';
import { noise } from '../../blob/bytes.js';
import { dir, file, symlink, tarOf } from '../../support/tar.js';

const BLOB = gzipSync(
  tarOf(
    dir('d/'),
    file('d/noise', noise(300_000, 1)),
    file('d/zeros', Buffer.alloc(5_000_000)),
    symlink('l', 'd'),
  ),
);
const LAYER = { digest: digestOf(BLOB), blobSize: BLOB.length };
const DIGESTS = new Uint8Array(Math.ceil(BLOB.length / BLOCK_SIZE) * 32);

async function ownIndex(): Promise<Uint8Array> {
  const pass = new IndexPass(LAYER.digest, { blobSize: BLOB.length });
  pass.push(BLOB);
  return (await pass.finish(DIGESTS)) as Uint8Array;
}

/** Encodes the index of the pass with a change. */
async function changed(change: (index: LayerIndex) => void): Promise<Uint8Array> {
  const bytes = await ownIndex();
  const index = decodeLayerIndex((offset, length) => bytes.slice(offset, offset + length));
  change(index);
  return encodeLayerIndex(index, bytes.subarray(index.states.offset));
}

describe('the numbers of a published index', () => {
  it('are as a pass makes them', async () => {
    expect(() => checkLayerIndex(new Uint8Array(0), LAYER, true)).toThrow();
    const bytes = await changed(() => {});
    expect(() => checkLayerIndex(bytes, LAYER, true)).not.toThrow();
  });

  const columns = ({ entries }: LayerIndex) => entries.columns;
  const sparseMap = (storedSize: number, ...segments: number[]) => ({
    storedSize,
    segments: Float64Array.from(segments),
  });
  it.each<[string, (index: LayerIndex) => void]>([
    ['a kind', (index) => columns(index).kinds.set([7], 1)],
    ['attributes', (index) => columns(index).attributes.set([99], 1)],
    ['a fractional size', (index) => columns(index).sizes.fill(0.5)],
    ['a negative size', (index) => columns(index).sizes.set([-1], 1)],
    ['content before the tar', (index) => columns(index).dataOffsets.set([-512], 1)],
    ['content behind the tar', (index) => columns(index).dataOffsets.set([2 ** 40], 1)],
    ['a size over the tar', (index) => columns(index).sizes.set([2 ** 40], 1)],
    ['nanoseconds', (index) => columns(index).mtimeNanoseconds.set([1e9], 1)],
    ['a sparse directory', (index) => columns(index).sparse.set(0, sparseMap(0))],
    ['segments that overlap', (index) => columns(index).sparse.set(1, sparseMap(20, 0, 10, 5, 10))],
    ['segments behind the file', (index) => columns(index).sparse.set(1, sparseMap(10, 299_995, 10))],
    ['segments of another size', (index) => columns(index).sparse.set(1, sparseMap(11, 0, 10))],
    ['xattrs', (index) => Object.assign(columns(index).attributeSets, { xattrs: xattrs(columns(index)) })],
    ['a tar of 2^50 bytes', (index) => Object.assign(index, { tarSize: 2 ** 50 })],
    ['no start', (index) => index.checkpoints.outOffsets.set([1])],
    ['a checkpoint behind the blob', (index) => index.checkpoints.inOffsets.set([2 ** 40], 1)],
    ['block digests', (index) => Object.assign(index.verification, { digests: new Uint8Array(32 * 99) })],
  ])('are refused: %s', async (_, change) => {
    const bytes = await changed(change);
    expect(() => checkLayerIndex(bytes, LAYER, true)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_LAYER' }),
    );
  });

  it('are not made of a tar that is too large for the numbers of its chunks', async () => {
    const builder = new LayerIndexBuilder(LAYER.digest);
    const verification = { kind: 'spans' as const, digests: new Uint8Array(0) };
    const end = { codec: 'gzip', blobSize: 1, tarSize: 2 ** 47 + 1, verification };
    await expect(builder.finish(end)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('are refused before they take memory', async () => {
    const many = await changed((index) => {
      const { paths, links, attributeSets } = columns(index);
      const length = 9_000_000;
      const row = { kinds: new Uint8Array(length), attributes: new Uint32Array(length) };
      const times = { mtimeSeconds: new Float64Array(length), mtimeNanoseconds: new Uint32Array(length) };
      const starts = new Uint32Array(length + 1);
      Object.assign(columns(index), {
        length,
        ...row,
        ...times,
        paths: { ...paths, starts },
        links,
        attributeSets,
      });
      Object.assign(columns(index), {
        sizes: new Float64Array(length),
        dataOffsets: new Float64Array(length),
      });
    });
    const before = process.memoryUsage().arrayBuffers;
    expect(() => checkLayerIndex(many, LAYER, true)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 ** 2);
  });
});

/** The lengths of an xattr are cut short. */
function xattrs({ attributeSets }: LayerIndex['entries']['columns']) {
  const heap = Buffer.from('abc');
  const starts = new Uint32Array(attributeSets.length + 1).fill(heap.length, 1);
  return { heap, starts };
}
