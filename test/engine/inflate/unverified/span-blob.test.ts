import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE, PAGE_SIZE } from '#src/blob/page.js';
import { CHUNK_SIZE, ChunkReader } from '#src/engine/inflate/chunk-reader.js';
import { SpanBlob } from '#src/engine/inflate/unverified/span-blob.js';
import { VerifiedParts } from '#src/engine/inflate/unverified/verified-parts.js';
import { noise, same } from '../../../blob/bytes.js';
import { blobReaderSuite } from '../../../blob/reader-suite.js';
import { plain as text } from '../../../codec/gzip/plain.js';
import { readableGzip, resources } from '../../../index/built-layer.js';
import { readAll, Upstream } from './table-layer.js';

const W = CHUNK_SIZE;
const content = Buffer.concat([noise(700_000), text('copies', 900_000, 3), noise(400_000, 5)]);
const gzipped = gzipSync(content, { level: 6 });
const layer = await readableGzip(gzipped, 128 * 1024);
const { inOffsets } = layer.checkpoints;

/** Digests as SOCI makes them: a span begins a byte earlier if its checkpoint shares that byte. */
function spanDigests(blob: Uint8Array): Uint8Array {
  const digests: Uint8Array[] = [];
  for (let number = 0; number < inOffsets.length; number++) {
    const isShared = (layer.checkpoint(number)!.state[0] ?? 0) > 0;
    const span = blob.subarray(inOffsets[number]! - (isShared ? 1 : 0), inOffsets[number + 1] ?? blob.length);
    digests.push(createHash('sha256').update(span).digest());
  }
  return Buffer.concat(digests);
}

const digests = spanDigests(gzipped);

function open(bytes: Uint8Array = gzipped, columns = { inOffsets, digests }) {
  const upstream = new Upstream(bytes);
  const wrong: string[] = [];
  const cursors = resources();
  const spans = { layer: layer.digest, ...columns };
  const blob = new SpanBlob(upstream.blob, spans, new VerifiedParts(), (reason) => void wrong.push(reason));
  const reader = new ChunkReader(layer, blob, cursors);
  const release = (buffer: ArrayBuffer) => cursors.buffers.release(buffer);
  const read = (first: number, count = 1) => readAll(reader, release, first, count);
  const isRight = async (first: number, count = 1) =>
    same(await read(first, count), content.subarray(first * W, (first + count) * W));
  return { upstream, blob, read, isRight, wrong, count: Math.ceil(content.length / W) };
}

blobReaderSuite('SpanBlob', async (bytes) => {
  // Spans of any length; every other one begins a byte earlier.
  const starts = Float64Array.from([0, 1, 1000, 70_000, PAGE_SIZE].filter((at) => at < bytes.length));
  const all = Buffer.concat(
    [...starts].map((start, i) => {
      const span = bytes.subarray(Math.max(0, start - (i % 2)), starts[i + 1] ?? bytes.length);
      return createHash('sha256').update(span).digest();
    }),
  );
  return open(bytes, { inOffsets: starts, digests: all }).blob;
});

describe('a layer that is read by digests of spans', () => {
  it('has some spans that share a byte, and some that do not', () => {
    const shared = [...inOffsets].filter((_, number) => (layer.checkpoint(number)!.state[0] ?? 0) > 0);
    expect(shared.length).toBeGreaterThan(0);
    expect(shared.length).toBeLessThan(inOffsets.length);
  });

  it('is the plain bytes, in whatever order it is read', async () => {
    const { isRight, count, wrong } = open();
    const read = fc.tuple(fc.nat(count - 1), fc.integer({ min: 1, max: 20 }));
    await fc.assert(
      fc.asyncProperty(fc.array(read, { maxLength: 6 }), async (reads) => {
        for (const [first, wanted] of reads) {
          expect(await isRight(first, Math.min(wanted, count - first))).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
    expect(wrong).toEqual([]);
  });

  it('fetches the span that a read needs in one request, once', async () => {
    const { isRight, upstream } = open();
    const number = 3;
    const first = Math.ceil(layer.checkpoints.outOffsets[number]! / W);
    expect(first * W + W).toBeLessThan(layer.checkpoints.outOffsets[number + 1]!);
    for (let turn = 0; turn < 2; turn++) expect(await isRight(first)).toBe(true);
    const [start, end] = [inOffsets[number]! - 1, inOffsets[number + 1]!];
    expect(upstream.reads).toEqual([{ offset: start, length: end - start, aheadEnd: end, fresh: false }]);
  });

  it('fetches each span once for a reader that goes forward, and announces whole ones', async () => {
    const { isRight, upstream, count, blob } = open();
    for (let first = 0; first < count; first++) expect(await isRight(first)).toBe(true);
    expect(upstream.reads.length).toBe(inOffsets.length);
    blob.prefetch(5, inOffsets[4]! + 1);
    expect(upstream.announced.at(-1)).toEqual([5, inOffsets[5]!]);
  });

  it('fetches a span with wrong bytes again, once', async () => {
    const { read, upstream, wrong, count } = open();
    upstream.damageAt = inOffsets[2]! + 10;
    expect(same(await read(0, count), content)).toBe(true);
    expect(upstream.reads.filter(({ fresh }) => fresh).map(({ offset }) => offset)).toEqual([
      inOffsets[2]! - 1,
    ]);
    expect(wrong).toEqual([expect.stringMatching(/^span 2 of sha256:\S+, at \d+: the bytes are not/)]);
  });

  it('is DIGEST_MISMATCH where bytes stay wrong, and right elsewhere', async () => {
    const { read, isRight, upstream, count } = open();
    upstream.isFreshDamaged = true;
    upstream.damageAt = inOffsets[2]! + 10;
    await expect(read(0, count)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringMatching(/^span 2 of sha256:\S+, at \d+: wrong bytes, twice/),
    });
    expect(await isRight(0)).toBe(true);
    expect(await isRight(count - 1)).toBe(true);
  });

  it.each<[string, Float64Array, Uint8Array]>([
    ['no spans', new Float64Array(0), new Uint8Array(0)],
    ['spans past the end', inOffsets.map((at) => at + gzipped.length), digests],
    ['spans that descend', inOffsets.toReversed(), digests],
    ['bytes before the first span', inOffsets.map((at) => at + BLOCK_SIZE), digests],
    ['too few digests', inOffsets, digests.subarray(0, 40)],
  ])('is a coded error with %s', async (_, starts, all) => {
    const { read, count } = open(gzipped, { inOffsets: starts, digests: all });
    await expect(read(0, count)).rejects.toMatchObject({
      code: expect.stringMatching(/CORRUPT_LAYER|DIGEST_MISMATCH/),
    });
  });
});
