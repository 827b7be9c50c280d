import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { BLOB_START, type Cursor } from '#src/codec/codec.js';
import { unpackCheckpoint } from '#src/codec/zstd/zstd-checkpoint.js';
import { zstd } from '#src/codec/zstd/zstd-codec.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { noise, same } from '../../blob/bytes.js';
import { readable, readChunks, readerOf, resources, WatchedBlob } from '../../index/built-layer.js';
import { compressZstd } from '../../support/zstd.js';
import { repetitive } from './repetitive.js';
import { scan } from './scan.js';

const MIB = 1024 * 1024;
const bytes = repetitive(25_000_000);

/** Reads on until the cursor stops. */
function readOn(cursor: Cursor, blob: Uint8Array, length: number): Buffer {
  const target = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const made = cursor.read(target.subarray(done));
    done += made;
    const at = cursor.inputOffset;
    if (made === 0 && (cursor.mustSeek || cursor.ended || cursor.push(blob.subarray(at), true) === 0)) break;
  }
  return target.subarray(0, done);
}

describe('a cursor that resumed inside a frame', () => {
  const blob = compressZstd(bytes, ['-3']);
  const { checkpoints } = scan(blob, { spanSize: MIB });

  it('reads its span, and must seek at the next checkpoint', () => {
    expect(checkpoints.length).toBeGreaterThan(20);
    const cursor = zstd.cursor();
    for (const [i, checkpoint] of checkpoints.entries()) {
      cursor.seek(checkpoint);
      const end = checkpoints[i + 1]?.outOffset ?? bytes.length;
      const read = readOn(cursor, blob, bytes.length + 1);
      const holds = unpackCheckpoint(checkpoint).frame?.holds ?? 0;
      const to = holds > 0 ? end : bytes.length;
      expect(same(read, bytes.subarray(checkpoint.outOffset, to)), `checkpoint ${i}`).toBe(true);
      expect([cursor.mustSeek, cursor.ended, cursor.outOffset]).toEqual([holds > 0, holds === 0, to]);
      expect(cursor.skip(1)).toBe(0);
    }
  });

  it('reads on into other frames', () => {
    const frames = Buffer.concat([blob, compressZstd(bytes.subarray(0, 100_000))]);
    const cursor = zstd.cursor();
    cursor.seek(scan(frames, { spanSize: MIB }).checkpoints.findLast(({ state }) => state.length > 0)!);
    const { outOffset } = cursor;
    const rest = readOn(cursor, frames, bytes.length + 100_001);
    expect(same(rest, Buffer.concat([bytes.subarray(outOffset), bytes.subarray(0, 100_000)]))).toBe(true);
    expect(cursor.ended).toBe(true);
  });

  it('refuses a state with too few window bytes, or reads as far as they go', () => {
    const { state, ...position } = checkpoints.find((one) => one.state.length > 1000)!;
    const cursor = zstd.cursor();
    cursor.seek({ ...position, state: state.subarray(0, -500) });
    expect(() => readOn(cursor, blob, bytes.length)).toThrow(/was not kept/);
  });

  it('refuses any damaged state as CORRUPT_LAYER, or reads something', () => {
    const { state, ...position } = checkpoints.at(-1)!;
    const cursor = zstd.cursor();
    const change = fc.tuple(fc.nat(Math.min(state.length, 200) - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const damaged = state.slice();
        for (const [at, bits] of changes) damaged[at]! ^= bits;
        try {
          cursor.seek({ ...position, state: damaged });
          readOn(cursor, blob, 300_000);
        } catch (error) {
          expect(error).toBeInstanceOf(LayerslayerError);
          expect((error as LayerslayerError).code).toBe('CORRUPT_LAYER');
        }
      }),
      { numRuns: 100 },
    );
    cursor.seek(BLOB_START);
    expect(same(readOn(cursor, blob, 1000), bytes.subarray(0, 1000))).toBe(true);
  });
});

describe('a reader of chunks', () => {
  const variants: [string, Uint8Array][] = [
    ['one frame', compressZstd(bytes, ['-3'])],
    ['a window of 128 MiB', compressZstd(bytes, ['-3', '--long=27'])],
    ['windows of 256 KiB', compressZstd(bytes, ['-3', '--zstd=wlog=18'])],
    [
      'frames of 5 MB',
      Buffer.concat([0, 1, 2, 3, 4].map((i) => compressZstd(bytes.subarray(i * 5e6, (i + 1) * 5e6)))),
    ],
  ];
  it.each(variants)('reads anywhere, and on past checkpoints: %s', async (_, blob) => {
    const shared = resources();
    const reader = readerOf(await readable(zstd, blob, MIB), new WatchedBlob(blob), shared);
    const count = Math.ceil(bytes.length / CHUNK_SIZE);
    const run = fc.tuple(fc.nat(count - 1), fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 300 })));
    await fc.assert(
      fc.asyncProperty(run, async ([first, wanted]) => {
        const got = await readChunks(reader, shared, first, Math.min(wanted, count - first));
        expect(same(got, bytes.subarray(first * CHUNK_SIZE, (first + wanted) * CHUNK_SIZE))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('reads from the start of the blob what damaged checkpoints leave out', async () => {
    const blob = compressZstd(bytes, ['-3']);
    const layer = await readable(zstd, blob, MIB);
    const shared = resources();
    const { checkpoint } = layer;
    const number = 6;
    const damaged = { ...layer, checkpoint: (n: number) => (n === number ? undefined : checkpoint(n)) };
    const reader = readerOf(damaged, new WatchedBlob(blob), shared);
    const at = Math.floor(layer.checkpoints.outOffsets[number]! / CHUNK_SIZE) + 3;
    for (const first of [at, at - 10]) {
      const got = await readChunks(reader, shared, first, 20);
      expect(same(got, bytes.subarray(first * CHUNK_SIZE, (first + 20) * CHUNK_SIZE))).toBe(true);
    }
  });

  it('refuses states that hold to no checkpoint, instead of reading without end', async () => {
    const blob = Buffer.concat([noise(10), compressZstd(bytes.subarray(0, 3_000_000))]);
    const layer = await readable(zstd, blob.subarray(10), 200_000);
    const { checkpoint } = layer;
    const lying = {
      ...layer,
      checkpoint: (n: number) => {
        const { state, ...position } = checkpoint(n)!;
        const changed = state.slice();
        if (state.length > 0) new DataView(changed.buffer).setUint32(5, 1, true); // holds one byte
        return { ...position, state: changed };
      },
    };
    const shared = resources();
    const reader = readerOf(lying, new WatchedBlob(blob.subarray(10)), shared);
    const got = await readChunks(reader, shared, 20, 30);
    expect(same(got, bytes.subarray(20 * CHUNK_SIZE, 50 * CHUNK_SIZE))).toBe(true);
  });
});
