import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BLOB_START, type Checkpoint } from '#src/codec/codec.js';
import { unpackCheckpoint } from '#src/codec/zstd/zstd-checkpoint.js';
import { ZstdEngine } from '#src/codec/zstd/zstd-engine.js';
import { type ZstdExports, zstdModule } from '#src/codec/zstd/zstd-module.js';
import { RUN_SEED } from '../../setup/seed.js';
import { compressZstd } from '../../support/zstd.js';
import { PLAIN_KINDS, plain, randomSource } from '../gzip/plain.js';
import { repetitive } from './repetitive.js';
import { refusal, scan } from './scan.js';

const MIB = 1024 * 1024;

const LEVELS = [
  ['--fast=5'],
  ['-1'],
  ['-3', '--no-check'],
  ['-9'],
  ['-19'],
  ['-3', '--long=27'],
  ['-6', '--zstd=wlog=10'], // blocks of 1 KiB, and a ring that goes round each time
  ['-19', '--zstd=wlog=12'],
];

describe('a scan', () => {
  const samples = PLAIN_KINDS.flatMap((kind) => LEVELS.map((options) => ({ kind, options })));
  it.each(samples)('has the bytes that zstd got: $kind by $options', ({ kind, options }) => {
    const random = randomSource(RUN_SEED);
    for (const length of [0, 1, random(2000), random(300_000), 131_072, 600_000]) {
      const bytes = Buffer.from(plain(kind, length, length + 1));
      const blob = compressZstd(bytes, options);
      const chunkSize = 1 + random(random(2) === 0 ? 500 : 200_000);
      expect(scan(blob, { chunkSize }).output.equals(bytes), `${length} bytes by ${chunkSize}`).toBe(true);
    }
  });

  it('has the bytes of any frames, pushed a byte at a time', () => {
    const parts = PLAIN_KINDS.map((kind, i) => plain(kind, i * 3000, i));
    const blob = Buffer.concat(parts.map((part, i) => compressZstd(part, LEVELS[i % LEVELS.length])));
    expect(scan(blob, { chunkSize: 1 }).output.equals(Buffer.concat(parts))).toBe(true);
  });

  it('has the bytes that pzstd got, whose frames have skippable ones before them', () => {
    const bytes = repetitive(20_000_000);
    const work = mkdtempSync(join(tmpdir(), 'layerslayer-pzstd-'));
    try {
      writeFileSync(join(work, 'plain'), bytes);
      execFileSync('pzstd', ['-q', '-p', '3', '-1', 'plain'], { cwd: work });
      const { output, checkpoints } = scan(readFileSync(join(work, 'plain.zst')));
      expect(output.equals(bytes)).toBe(true);
      expect(checkpoints.filter(({ state }) => state.length === 0).length).toBeGreaterThan(1);
    } finally {
      rmSync(work, { recursive: true });
    }
  });

  it('is the same without vector instructions', () => {
    const module = new WebAssembly.Module(zstdModule(() => false));
    const engine = new ZstdEngine(() => new WebAssembly.Instance(module).exports as ZstdExports);
    expect(zstdModule(() => false)).not.toEqual(zstdModule(() => true));
    for (const kind of PLAIN_KINDS) {
      const bytes = Buffer.from(plain(kind, 400_000, 5));
      for (const options of LEVELS) {
        const blob = compressZstd(bytes, options);
        const { output, checkpoints } = scan(blob, { spanSize: 20_000, engine });
        expect(output.equals(bytes)).toBe(true);
        expect(checkpoints).toEqual(scan(blob, { spanSize: 20_000 }).checkpoints);
      }
    }
  });

  it('refuses a wrong checksum, and a frame cut short anywhere', () => {
    const blob = Buffer.from(compressZstd(plain('letters', 3000)));
    const wrong = Buffer.from(blob);
    wrong[wrong.length - 1]! ^= 1;
    expect(refusal(wrong)).toMatch(/checksum is [0-9a-f]{8}, the frame says [0-9a-f]{8}/);
    for (let length = 1; length < blob.length; length++) {
      expect(refusal(blob.subarray(0, length)), `${length} bytes`).toMatch(/cut short/);
    }
  });

  it('takes only the memory that a small layer with a window of 128 MiB fills', () => {
    const bytes = plain('letters', 2_000_000);
    const blob = compressZstd(bytes, ['-3', '--long=27']);
    const engine = new ZstdEngine();
    const before = process.memoryUsage().rss;
    expect(scan(blob, { engine }).output.equals(bytes)).toBe(true);
    expect(engine.memorySize).toBeGreaterThan(128 * MIB);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * MIB);
  });
});

describe('checkpoints', () => {
  const bytes = repetitive(48 * MIB);
  const blob = compressZstd(bytes, ['-3']);
  const { checkpoints } = scan(blob);
  const spans = (all: readonly Checkpoint[]) =>
    all.slice(1).map(({ outOffset }, i) => outOffset - all[i]!.outOffset);

  it('are 2 to 32 MiB apart, and take about 2 % of the blob', () => {
    expect(checkpoints[0]).toEqual(BLOB_START);
    expect(checkpoints.length).toBeGreaterThan(2);
    for (const span of spans(checkpoints)) {
      expect(span).toBeGreaterThanOrEqual(2 * MIB);
      expect(span).toBeLessThan(32 * MIB + 128 * 1024);
    }
    const stateBytes = checkpoints.reduce((sum, { state }) => sum + state.length, 0);
    const largest = Math.max(...checkpoints.map(({ state }) => state.length));
    expect(0.55 * (stateBytes - largest)).toBeLessThan(0.02 * blob.length + 65_536);
  });

  it('hold to the next one, or to the end of the frame', () => {
    const holds = checkpoints.map((checkpoint) => unpackCheckpoint(checkpoint).frame?.holds);
    const window = unpackCheckpoint(checkpoints[1]!).frame!.window;
    for (const [i, span] of spans(checkpoints).entries()) {
      if (i > 0) expect(holds[i]).toBe(span < window ? span : 0);
    }
    expect([holds[0], holds.at(-1)]).toEqual([undefined, 0]);
  });

  it('at frames need no state, and are not made of each small frame', () => {
    const part = repetitive(300_000);
    const frames = Buffer.concat(Array.from({ length: 10 }, () => compressZstd(part)));
    const found = scan(frames).checkpoints;
    expect(found.map(({ outOffset }) => outOffset)).toEqual([0, 600_000, 1_200_000, 1_800_000, 2_400_000]);
    expect(found.every(({ state }) => state.length === 0)).toBe(true);
  });

  it('are not made where matches need more of the window than 8 MiB', () => {
    // A second copy of 20 MiB of noise: all of the window is read.
    const noise = plain('noise', 20 * MIB);
    const twice = Buffer.concat([noise, noise]);
    const found = scan(compressZstd(twice, ['-1', '--long=27'])).checkpoints;
    for (const { state } of found) expect(state.length).toBeLessThan(8 * MIB + 1024);
  });
});
