import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '#src/codec/codec.js';
import { gzip } from '#src/codec/gzip/gzip-codec.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import { SpanReplay } from '#src/index/pass/span-replay.js';
import { same } from '../blob/bytes.js';
import { plain } from '../codec/gzip/plain.js';

const TAR = Buffer.concat([plain('letters', 700_000, 1), plain('short repeats', 600_000, 2)]);
const BLOB = Buffer.concat([gzipSync(TAR.subarray(0, 400_000)), gzipSync(TAR.subarray(400_000))]);

async function checkpointsOf(blob: Uint8Array, spanSize: number): Promise<Checkpoint[]> {
  const found: Checkpoint[] = [];
  const scanner = gzip.scanner(
    {
      onOutput() {},
      onCheckpoint: ({ inOffset, outOffset, state }) =>
        found.push({ inOffset, outOffset, state: new Uint8Array(state) }),
    },
    spanSize,
  );
  scanner.push(blob);
  scanner.finish();
  return found;
}

/** The difference that is found when the index has these checkpoints. */
async function replay(checkpoints: readonly Checkpoint[], step: number, blob: Uint8Array = BLOB) {
  const builder = new CheckpointBuilder(gzip, LAYER_LIMITS.stateBytes);
  for (const checkpoint of checkpoints) builder.add(checkpoint);
  const { checkpoints: columns, states } = await builder.finish();
  const memory = new SharedArrayBuffer(states.length);
  new Uint8Array(memory).set(states);
  const index = { codec: 'gzip', blobSize: blob.length, checkpoints: columns } as unknown as LayerIndex;
  const spans = new SpanReplay(index, { memory });
  let out = 0;
  const scanner = gzip.scanner({
    onOutput(bytes, start, end) {
      spans.takeOutput(bytes.subarray(start, end), out);
      out += end - start;
    },
    onCheckpoint() {},
  });
  for (let at = 0; at < blob.length; at += step) {
    const part = new Uint8Array(blob.subarray(at, at + step));
    scanner.push(part);
    spans.takeInput(part, at);
    part.fill(0xee); // theirs until the call returns
  }
  scanner.finish();
  return spans.end();
}

const CHECKPOINTS = await checkpointsOf(BLOB, 64 * 1024);

/** With the state of one checkpoint changed. */
const changed = (number: number, change: (state: Uint8Array) => void) =>
  CHECKPOINTS.map((checkpoint, i) => {
    if (i !== number) return checkpoint;
    const state = new Uint8Array(checkpoint.state);
    change(state);
    return { ...checkpoint, state };
  });

describe.each([1 << 20, 256 * 1024, 10_007])('spans that pass in pieces of %d bytes', (step) => {
  it('agree when they decompress to the tar', async () => {
    expect(CHECKPOINTS.length).toBeGreaterThan(6);
    expect(same(gunzipSync(BLOB), TAR)).toBe(true);
    expect(await replay(CHECKPOINTS, step)).toBeUndefined();
    expect(await replay(CHECKPOINTS.slice(0, 1), step)).toBeUndefined();
    expect(await replay([], step)).toBeUndefined();
  });

  it('agree with windows as other tools store them', async () => {
    const dense = CHECKPOINTS.map(({ inOffset, outOffset, state }) =>
      state.length === 0
        ? { inOffset, outOffset, state }
        : gzip.checkpointWithWindow!({
            ...{ inOffset, outOffset, bits: state[0]! },
            window: TAR.subarray(Math.max(0, outOffset - 32_768), outOffset),
          }),
    );
    expect(await replay(dense, step)).toBeUndefined();
  });

  it.each<[string, () => Checkpoint[]]>([
    ['another window', () => changed(3, (state) => state.fill(0x41, 1))],
    ['other bits', () => changed(3, (state) => state.set([(state[0]! + 1) % 8]))],
    [
      'another place in the blob',
      () => CHECKPOINTS.map((one, i) => (i === 3 ? { ...one, inOffset: one.inOffset + 1 } : one)),
    ],
    [
      'another place in the tar',
      () => CHECKPOINTS.map((one, i) => (i === 3 ? { ...one, outOffset: one.outOffset - 1 } : one)),
    ],
    [
      'the state of another one',
      () => CHECKPOINTS.map((one, i) => (i === 3 ? { ...one, state: CHECKPOINTS[4]!.state } : one)),
    ],
    ['no start', () => CHECKPOINTS.slice(1)],
  ])('differ with %s', async (_, checkpoints) => {
    expect(await replay(checkpoints(), step)).toMatch(/^what is decompressed from checkpoint \d+ on$/);
  });
});
