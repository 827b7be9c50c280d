/** Layers whose checkpoint states are a cached file of their own, which may be gone. */
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { logTo } from '#src/base/log.js';
import type { Codec, Cursor } from '#src/codec/codec.js';
import { zstd } from '#src/codec/zstd/zstd-codec.js';
import { CHUNK_SIZE, type ReadableLayer } from '#src/engine/inflate/chunk-reader.js';
import { DetachedStates } from '#src/engine/inflate/detached-states.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import type { CheckpointColumns } from '#src/index/states/checkpoints.js';
import { digestOf, same } from '../../blob/bytes.js';
import { cleanUp, scratchDirectory } from '../../cache/scratch.js';
import { repetitive } from '../../codec/zstd/repetitive.js';
import { readChunks, readerOf, resources, WatchedBlob } from '../../index/built-layer.js';
import { compressZstd } from '../../support/zstd.js';

afterEach(cleanUp);

const W = CHUNK_SIZE;
const bytes = repetitive(6_000_000);
const count = Math.ceil(bytes.length / W);
const SPAN = 256 * 1024;

interface Built {
  blob: Uint8Array;
  checkpoints: CheckpointColumns;
  states: Uint8Array;
}

async function build(blob: Uint8Array): Promise<Built> {
  const builder = new CheckpointBuilder(zstd, LAYER_LIMITS.stateBytes);
  const onCheckpoint = (checkpoint: Parameters<typeof builder.add>[0]) => builder.add(checkpoint);
  const scanner = zstd.scanner({ onOutput() {}, onCheckpoint }, SPAN);
  scanner.push(blob);
  scanner.finish();
  return { blob, ...(await builder.finish()) };
}

const oneFrame = await build(compressZstd(bytes, ['-3']));
const CUT = 104 * W; // a span's length after the checkpoint before

const twoFrames = await build(
  Buffer.concat([bytes.subarray(0, CUT), bytes.subarray(CUT)].map((part) => compressZstd(part, ['-3']))),
);

/** A reader of a layer whose states are in a file, and what it has decoded. */
function open({ blob, checkpoints }: Built, detachedFd: number | undefined) {
  const decoded = { bytes: 0 };
  const codec: Codec = { ...zstd, cursor: () => counting(zstd.cursor(), decoded) };
  const warnings: string[] = [];
  let removals = 0;
  const states = new DetachedStates({
    digest: digestOf(blob),
    checkpoints,
    storage: { detachedFd },
    remove: () => void removals++,
    log: logTo((_, message) => warnings.push(message)),
  });
  const layer: ReadableLayer = {
    digest: digestOf(blob),
    codec,
    tarSize: bytes.length,
    checkpoints,
    checkpoint: (number) => states.read(number),
    hasStates: () => states.areThere,
  };
  const shared = resources();
  const reader = readerOf(layer, new WatchedBlob(blob), shared);
  const check = async (first: number, wanted = 1) => {
    const got = await readChunks(reader, shared, first, Math.min(wanted, count - first));
    expect(same(got, bytes.subarray(first * W, (first + wanted) * W)), `chunk ${first}`).toBe(true);
  };
  return { check, decoded, warnings, removals: () => removals };
}

/** Counts the bytes that a cursor decodes. */
function counting(cursor: Cursor, decoded: { bytes: number }): Cursor {
  return {
    seek: (checkpoint) => cursor.seek(checkpoint),
    get inputOffset() {
      return cursor.inputOffset;
    },
    get outOffset() {
      return cursor.outOffset;
    },
    get ended() {
      return cursor.ended;
    },
    get mustSeek() {
      return cursor.mustSeek;
    },
    get memorySize() {
      return cursor.memorySize;
    },
    push: (input, final) => cursor.push(input, final),
    read(target) {
      const read = cursor.read(target);
      decoded.bytes += read;
      return read;
    },
    skip(length) {
      const skipped = cursor.skip(length);
      decoded.bytes += skipped;
      return skipped;
    },
  };
}

function storedStates(states: Uint8Array): { path: string; fd: number } {
  const path = join(scratchDirectory(), 'states');
  writeFileSync(path, states);
  return { path, fd: openSync(path, 'r') };
}

/** Chunks in another order: no neighbours, forward and back. */
const scattered = Array.from({ length: count }, (_, i) => (i * 67) % count);

describe('a layer whose states are in a file', () => {
  it('has many spans, and is read by them', async () => {
    expect(oneFrame.checkpoints.length).toBeGreaterThan(20);
    const { fd } = storedStates(oneFrame.states);
    const { check, decoded, warnings } = open(oneFrame, fd);
    for (const first of scattered) await check(first);
    expect(decoded.bytes).toBeLessThan(count * (SPAN * 2 + W));
    expect(warnings).toEqual([]);
  });
});

describe('a layer whose states are gone', () => {
  it.each([1, 5, 64])('is decoded once when it is read from start to end, %d chunks a read', async (step) => {
    const { check, decoded, warnings, removals } = open(oneFrame, undefined);
    for (let first = 0; first < count; first += step) await check(first, step);
    expect(decoded.bytes).toBe(bytes.length);
    expect([warnings.length, removals()]).toEqual([1, 0]);
    expect(warnings[0]).toMatch(/^layer sha256:.*states are not cached any more; reads are slow until/);
  });

  it('is decoded once when the next reads come before the last one has ended', async () => {
    const { check, decoded } = open(oneFrame, undefined);
    for (let first = 0; first < count; first += 24)
      await Promise.all([0, 8, 16].map((at) => first + at < count && check(first + at, 8)));
    expect(decoded.bytes).toBe(bytes.length);
  });

  it('is decoded once when it is read with gaps, forward', async () => {
    const { check, decoded } = open(oneFrame, undefined);
    for (let first = 3; first < count; first += 17) await check(first);
    expect(decoded.bytes).toBeLessThanOrEqual(bytes.length);
  });

  it('is decoded from the frame, once a read, when it is read at random', async () => {
    const { check, decoded, warnings } = open(oneFrame, undefined);
    for (const first of scattered) {
      decoded.bytes = 0;
      await check(first);
      expect(decoded.bytes).toBeLessThanOrEqual((first + 1) * W);
    }
    expect(warnings.length).toBe(1);
  });

  it('is decoded from the last frame before, and on into the next', async () => {
    expect([...twoFrames.checkpoints.outOffsets]).toContain(CUT);
    const { check, decoded } = open(twoFrames, undefined);
    await check(CUT / W + 3);
    expect(decoded.bytes).toBe(4 * W);
    decoded.bytes = 0;
    await check(CUT / W - 10, 30);
    expect(decoded.bytes).toBe(CUT + 20 * W);
    const other = open(twoFrames, undefined);
    for (let first = 0; first < count; first += 7) await other.check(first, 7);
    expect(other.decoded.bytes).toBe(bytes.length);
  });
});

describe('a layer whose states are damaged', () => {
  it('counts them as gone from then on, and has the file removed', async () => {
    const { checkpoints, states } = oneFrame;
    const wrong = states.slice();
    const damaged = 12;
    wrong[checkpoints.groupStarts[damaged]! + 5]! ^= 1;
    const { fd } = storedStates(wrong);
    const fromStart = open(oneFrame, fd);
    for (let first = 0; first < count; first++) await fromStart.check(first);
    expect([fromStart.decoded.bytes, fromStart.warnings]).toEqual([bytes.length, []]);
    // Resumed inside the frame: up to the damaged state, then once more from the frame's start.
    const { check, decoded, warnings, removals } = open(oneFrame, fd);
    const start = Math.ceil(checkpoints.outOffsets[damaged - 1]! / W);
    for (let first = start; first < count; first++) await check(first);
    expect(decoded.bytes).toBeGreaterThan(bytes.length - start * W);
    expect(decoded.bytes).toBeLessThanOrEqual(bytes.length + SPAN * 2);
    expect(warnings).toEqual([
      expect.stringMatching(/states are damaged in the cache, checkpoint 12: .* until `layerslayer index`/),
    ]);
    expect(removals()).toBe(1);
    // All are gone now: a read before it decodes from the frame's start too.
    decoded.bytes = 0;
    await check(start - 1);
    expect(decoded.bytes).toBe(start * W);
  });
});
