import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { BLOB_START, type Checkpoint, type Codec, type Cursor } from '#src/codec/codec.js';
import { codecNamed } from '#src/codec/codecs.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { MAX_GROUP_SIZE } from '#src/index/states/checkpoints.js';
import { noise, same } from '../blob/bytes.js';
import { indexBlob, readable, readChunks, readerOf, resources, WatchedBlob } from '../index/built-layer.js';
import { dir, file, tarOf } from '../support/tar.js';
import { plain } from './gzip/plain.js';

export interface CodecFixture {
  codec: string; // its name
  compress(bytes: Uint8Array): Uint8Array;
  /** A scan notices a cut or flipped byte: the format has checksums. */
  isChecked: boolean;
}

const SPAN = 64 * 1024;
const MAX_OUTPUT = 256 * 1024;

/** Whether bytes repeat, are equal or look random, a codec takes another path. */
const content = Buffer.concat([
  plain('copies', 400_000, 1),
  noise(200_000),
  new Uint8Array(300_000),
  plain('letters', 500_000, 2),
  plain('skewed', 200_000, 3),
]);

interface Scanned {
  output: Buffer;
  checkpoints: Checkpoint[];
  longest: number; // bytes of output in one call
}

function scan(codec: Codec, blob: Uint8Array, { pushed = 65_536, spanSize = SPAN } = {}): Scanned {
  const parts: Buffer[] = [];
  const checkpoints: Checkpoint[] = [];
  const observer = {
    onOutput(memory: Uint8Array, start: number, end: number) {
      parts.push(Buffer.from(memory.subarray(start, end)));
    },
    onCheckpoint: (checkpoint: Checkpoint) => void checkpoints.push(checkpoint),
  };
  const scanner = codec.scanner(observer, spanSize);
  for (let at = 0; at < blob.length; at += pushed) {
    const bytes = blob.slice(at, at + pushed);
    scanner.push(bytes);
    bytes.fill(0xee); // the caller's again
  }
  scanner.finish();
  return {
    output: Buffer.concat(parts),
    checkpoints,
    longest: parts.reduce((most, part) => Math.max(most, part.length), 0),
  };
}

/** Returns the checkpoint at or before an offset. */
type StartOf = (outOffset: number) => Checkpoint;

/** The next `length` bytes of the cursor, fewer at the end; `target` undefined: skipped. */
function advanceFrom(
  startOf: StartOf,
  cursor: Cursor,
  blob: Uint8Array,
  length: number,
  target?: Uint8Array,
  pushed = 20_000,
): number {
  const start = cursor.outOffset;
  let done = 0;
  while (done < length) {
    const behind = start + done - cursor.outOffset; // bytes that were decoded before the last seek
    const made =
      behind > 0 || !target
        ? cursor.skip(behind || length - done)
        : cursor.read(target.subarray(done, length));
    if (behind === 0) done += made;
    if (made > 0) continue;
    if (cursor.mustSeek) {
      const next = startOf(cursor.outOffset);
      cursor.seek(next.outOffset === cursor.outOffset ? next : BLOB_START); // a bad state may hold to anywhere
      continue;
    }
    const at = cursor.inputOffset;
    if (cursor.ended || at >= blob.length) break;
    const end = Math.min(at + pushed, blob.length);
    if (cursor.push(blob.subarray(at, end), end === blob.length) === 0) break;
  }
  return done;
}

/** What a codec may do with damaged bytes, besides giving wrong ones. */
function outcome(act: () => void): string {
  try {
    act();
    return 'done';
  } catch (error) {
    if (!(error instanceof LayerslayerError)) throw error;
    return error.code;
  }
}

/** What every codec must do. */
export function codecSuite({ codec: name, isChecked, ...fixture }: CodecFixture): void {
  const codec = codecNamed(name);
  const compress = (bytes: Uint8Array) => new Uint8Array(fixture.compress(bytes)); // no Buffer: its slices are views
  const blob = compress(content);
  const { checkpoints } = scan(codec, blob);
  const startOf = (outOffset: number) =>
    codec.checkpointAt?.(outOffset) ?? checkpoints.findLast((one) => one.outOffset <= outOffset)!;
  const cursor = codec.cursor();
  const advance = (own: Cursor, bytes: Uint8Array, length: number, target?: Uint8Array, pushed?: number) =>
    advanceFrom(startOf, own, bytes, length, target, pushed);

  /** Reads `length` bytes at `outOffset` from the checkpoint before it. */
  function readAt(from: Cursor, bytes: Uint8Array, outOffset: number, length: number, pushed?: number) {
    const checkpoint = startOf(outOffset);
    from.seek(checkpoint);
    const target = new Uint8Array(length);
    const skip = outOffset - checkpoint.outOffset;
    if (advance(from, bytes, skip, undefined, pushed) < skip) return target.subarray(0, 0);
    return target.subarray(0, advance(from, bytes, length, target, pushed));
  }

  describe(`${codec.name} as a codec`, () => {
    it.each([1, 7, 1000, 65_536, 10_000_000])('is scanned in pushes of %d bytes', (pushed) => {
      const bytes = pushed < 1000 ? content.subarray(0, 500_000) : content;
      const scanned = scan(codec, compress(bytes), { pushed });
      expect(same(scanned.output, bytes)).toBe(true);
      expect(scanned.longest).toBeLessThanOrEqual(MAX_OUTPUT);
      const marks = ({ checkpoints: all }: Scanned) =>
        all.map(({ inOffset, outOffset, state }) => [inOffset, outOffset, crc32(state)]);
      expect(marks(scanned)).toEqual(marks(scan(codec, compress(bytes))));
    });

    it('says how many states an index groups, if it has any', () => {
      if (codec.checkpointAt) return expect(codec.statesPerGroup).toBeUndefined();
      expect(codec.statesPerGroup).toBeGreaterThanOrEqual(1);
      expect(codec.statesPerGroup).toBeLessThanOrEqual(MAX_GROUP_SIZE);
    });

    it('has an empty output', () => {
      expect(scan(codec, compress(new Uint8Array(0))).output).toHaveLength(0);
    });

    it('puts checkpoints at the start and a span apart, or anywhere', () => {
      if (codec.checkpointAt) {
        expect(checkpoints).toEqual([]);
        for (const at of [0, 1, 77_777, content.length]) {
          const { outOffset } = codec.checkpointAt(at);
          expect(outOffset).toBeLessThanOrEqual(at);
          expect(at - outOffset).toBeLessThan(SPAN);
        }
        return;
      }
      expect(checkpoints[0]).toEqual(BLOB_START);
      for (const [i, { inOffset, outOffset }] of checkpoints.slice(1).entries()) {
        expect(outOffset - checkpoints[i]!.outOffset).toBeGreaterThanOrEqual(SPAN);
        expect(inOffset).toBeGreaterThan(checkpoints[i]!.inOffset);
      }
      expect(checkpoints.length).toBeGreaterThan(content.length / (6 * SPAN));
      const none = scan(codec, blob, { spanSize: Number.MAX_SAFE_INTEGER });
      expect(none.checkpoints).toEqual([BLOB_START]);
    });

    it('moves to where a checkpoint is', () => {
      for (const checkpoint of [...checkpoints, startOf(0), startOf(100_000)]) {
        cursor.seek(checkpoint);
        expect(cursor.outOffset).toBe(checkpoint.outOffset);
        expect(checkpoint.inOffset - cursor.inputOffset).toBeGreaterThanOrEqual(0);
        expect(checkpoint.inOffset - cursor.inputOffset).toBeLessThanOrEqual(1);
        expect(cursor.ended).toBe(false);
      }
    });

    it('reads at random offsets what a plain copy has there', () => {
      const read = fc.tuple(fc.nat(content.length), fc.nat(150_000), fc.integer({ min: 3000, max: 300_000 }));
      fc.assert(
        fc.property(read, ([at, length, pushed]) =>
          same(readAt(cursor, blob, at, length, pushed), content.subarray(at, at + length)),
        ),
        { numRuns: 80 },
      );
    });

    it('skips and reads on, to the end', () => {
      const step = fc.tuple(fc.boolean(), fc.nat(90_000));
      fc.assert(
        fc.property(fc.nat(content.length - 1), fc.array(step, { maxLength: 10 }), (start, steps) => {
          let at = start;
          readAt(cursor, blob, start, 0);
          for (const [skips, length] of steps) {
            const end = Math.min(at + length, content.length);
            const target = skips ? undefined : new Uint8Array(length);
            expect(advance(cursor, blob, length, target)).toBe(end - at);
            if (target) expect(same(target.subarray(0, end - at), content.subarray(at, end))).toBe(true);
            at = end;
            expect(cursor.outOffset).toBe(at);
          }
          advance(cursor, blob, content.length + 1); // the end is known after a read past it
          expect([cursor.outOffset, cursor.ended]).toEqual([content.length, true]);
        }),
        { numRuns: 40 },
      );
    });

    it('has any number of cursors at once', () => {
      const cursors = [10, 400_000, 900_000].map((at) => {
        const own = codec.cursor();
        readAt(own, blob, at, 0);
        return own;
      });
      const target = new Uint8Array(10_000);
      for (let round = 0; round < 5; round++) {
        for (const own of cursors) {
          const at = own.outOffset;
          advance(own, blob, target.length, target);
          expect(same(target, content.subarray(at, at + target.length))).toBe(true);
        }
      }
    });

    it('that is cut short is noticed, or read as far as it goes', () => {
      for (let at = 0; at < blob.length; at += 1 + (blob.length >> 4)) {
        const cut = blob.subarray(0, at);
        if (isChecked)
          expect(
            outcome(() => scan(codec, cut)),
            `cut at ${at}`,
          ).toBe('CORRUPT_LAYER');
        else {
          const { output } = scan(codec, cut);
          expect(same(output, content.subarray(0, output.length))).toBe(true);
          expect(output.length).toBeLessThan(content.length);
        }
        for (const from of [0, at >> 1]) {
          let read = new Uint8Array(0);
          const code = outcome(() => {
            read = readAt(cursor, cut, from, content.length);
          });
          expect(code).toMatch(/^(done|CORRUPT_LAYER)$/);
          expect(same(read, content.subarray(from, from + read.length))).toBe(true);
        }
        expect(same(readAt(cursor, blob, 5000, 100), content.subarray(5000, 5100))).toBe(true);
      }
    });

    it('that is damaged is noticed, or has as many bytes, and does no lasting harm', () => {
      // Behind the header, where bytes may stand that no checksum covers.
      for (let at = 100; at < blob.length; at += 1 + (blob.length >> 5)) {
        const damaged = blob.slice();
        damaged[at]! ^= 1 << (at % 8);
        if (isChecked)
          expect(
            outcome(() => scan(codec, damaged)),
            `byte ${at}`,
          ).toBe('CORRUPT_LAYER');
        else expect(scan(codec, damaged).output).toHaveLength(content.length);
        const code = outcome(() => readAt(cursor, damaged, Math.max(0, at - 1000), 100_000));
        expect(code).toMatch(/^(done|CORRUPT_LAYER)$/);
        expect(same(readAt(cursor, blob, at, 100), content.subarray(at, at + 100))).toBe(true);
      }
    });

    it('refuses a state that is damaged or of another codec, or reads something, and does no lasting harm', () => {
      const states = [Uint8Array.of(0xff), noise(100), noise(5_000_000), new Uint8Array(40_000)];
      for (const state of states) {
        const code = outcome(() => {
          cursor.seek({ ...startOf(600_000), state });
          advance(cursor, blob, 100_000, new Uint8Array(100_000));
        });
        expect(code).toMatch(/^(done|CORRUPT_LAYER)$/);
        expect(same(readAt(cursor, blob, 7000, 100), content.subarray(7000, 7100))).toBe(true);
      }
    });

    it('takes memory that does not grow with the blob, and small states', () => {
      const long = compress(Buffer.concat(Array.from({ length: 12 }, () => content)));
      let stateBytes = 0;
      let most = 0;
      const start = process.memoryUsage().arrayBuffers;
      const observer = {
        onOutput() {
          most = Math.max(most, process.memoryUsage().arrayBuffers - start);
        },
        onCheckpoint({ state }: Checkpoint) {
          stateBytes += state.length;
        },
      };
      const scanner = codec.scanner(observer);
      for (let at = 0; at < long.length; at += 65_536) scanner.push(long.subarray(at, at + 65_536));
      scanner.finish();
      expect(stateBytes).toBeLessThan((12 * content.length) / 16);
      expect(most).toBeLessThan(8 * 2 ** 20);
    });
  });

  describe(`a layer compressed as ${codec.name}`, async () => {
    const contents = [content.subarray(0, 700_000), noise(3000, 3), content];
    const tar = tarOf(dir('d/'), ...contents.map((bytes, i) => file(`d/${i}`, bytes)));
    const layer = compress(tar);

    it('is detected by its bytes and indexed', async () => {
      const { index } = await indexBlob(layer);
      expect([index.codec, index.blobSize, index.tarSize]).toEqual([codec.name, layer.length, tar.length]);
      const { entries } = index;
      const sizes = Array.from({ length: entries.length }, (_, row) => entries.size(row));
      expect(sizes).toEqual([0, ...contents.map((bytes) => bytes.length)]);
      for (const [i, bytes] of contents.entries()) {
        const at = entries.dataOffset(i + 1);
        expect(same(tar.subarray(at, at + bytes.length), bytes)).toBe(true);
      }
    });

    it('is read by chunks', async () => {
      const shared = resources();
      const reader = readerOf(await readable(codec, layer, SPAN), new WatchedBlob(layer), shared);
      const count = Math.ceil(tar.length / CHUNK_SIZE);
      const run = fc.tuple(fc.nat(count - 1), fc.integer({ min: 1, max: 20 }));
      await fc.assert(
        fc.asyncProperty(run, async ([first, wanted]) => {
          const got = await readChunks(reader, shared, first, Math.min(wanted, count - first));
          expect(same(got, tar.subarray(first * CHUNK_SIZE, (first + wanted) * CHUNK_SIZE))).toBe(true);
        }),
        { numRuns: 40 },
      );
    });
  });
}
