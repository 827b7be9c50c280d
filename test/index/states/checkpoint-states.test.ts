import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { gzip } from '#src/codec/gzip/gzip-codec.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import type { StateStorage } from '#src/index/states/checkpoints.js';
import { readCheckpoint } from '#src/index/states/checkpoints.js';
import { noise, same } from '../../blob/bytes.js';

const originals = [
  new Uint8Array(0),
  noise(32_768, 1),
  new Uint8Array(32_768).fill(7),
  noise(1, 2),
  new Uint8Array(0),
];
const builder = new CheckpointBuilder(gzip, 1_000_000);
for (const [i, state] of originals.entries()) builder.add({ inOffset: i, outOffset: i, state });
const { checkpoints, states } = await builder.finish();

const work = mkdtempSync(join(tmpdir(), 'layerslayer-states-'));
const fds: number[] = [];
afterAll(() => {
  for (const fd of fds) closeSync(fd);
  rmSync(work, { recursive: true, force: true });
});

/** The states after 100 other bytes, as they lie in an index file. */
function inFile(): { fd: number; storage: StateStorage } {
  const fd = openSync(join(work, String(fds.length)), 'w+');
  fds.push(fd);
  writeSync(fd, states, 0, states.length, 100);
  return { fd, storage: { fd, offset: 100 } };
}

function inMemory(): { bytes: Uint8Array; storage: StateStorage } {
  const memory = new SharedArrayBuffer(states.length);
  const bytes = new Uint8Array(memory);
  bytes.set(states);
  return { bytes, storage: { memory } };
}

interface States {
  checkpoint(number: number): Uint8Array | undefined;
}

function open(storage: StateStorage) {
  const damage: number[] = [];
  const checkpoint = (number: number) => {
    try {
      return readCheckpoint(checkpoints, storage, number).state;
    } catch {
      damage.push(number);
      return undefined;
    }
  };
  return { kept: { checkpoint }, damage };
}

const stateOf = (kept: States, number: number) => kept.checkpoint(number);

describe("checkpoints' states", () => {
  it.each([
    ['in a file', () => inFile().storage],
    ['in shared memory', () => inMemory().storage],
  ])('come back as they were, %s', (_, make) => {
    const { kept, damage } = open(make());
    for (const i of [3, 0, 1, 2, 4, 1]) expect(same(stateOf(kept, i), originals[i]!)).toBe(true);
    expect(damage).toEqual([]);
  });

  it('are undefined when a bit of what they come from is wrong, or as they were, and whole when it is right again', () => {
    const { storage, bytes } = inMemory();
    const { kept, damage } = open(storage);
    const found = { 1: 0, 2: 0 };
    for (let at = 0; at < states.length; at += 29) {
      bytes[at]! ^= 1 << (at % 8);
      for (const number of [1, 2] as const) {
        const state = stateOf(kept, number);
        if (state === undefined) found[number]++;
        // What comes after a state in its group, or in bytes of another one, does it no harm.
        else expect(same(state, originals[number]!)).toBe(true);
      }
      bytes[at]! ^= 1 << (at % 8);
    }
    expect(found[1]).toBeGreaterThan(1000); // noise: nearly all of the group
    expect(found[2]).toBeGreaterThan(0);
    expect(damage).toHaveLength(found[1] + found[2]);
    for (const number of [1, 2, 3]) expect(same(stateOf(kept, number), originals[number]!)).toBe(true);
  });

  it('are undefined when the file is cut short or gone', () => {
    const { fd, storage } = inFile();
    const { kept, damage } = open(storage);
    ftruncateSync(fd, 100 + states.length - 1);
    expect([1, 2, 3].map((i) => stateOf(kept, i))).toEqual([undefined, undefined, undefined]);
    expect(stateOf(kept, 0)).toHaveLength(0);
    const closed = open({ fd: 1_000_000, offset: 0 });
    expect(stateOf(closed.kept, 1)).toBeUndefined();
    expect([damage, closed.damage]).toEqual([[1, 2, 3], [1]]);
  });
});

describe('states of a few bytes', () => {
  it.each([1, 7, 8, 9, 63])('are deflate streams that zlib reads, %d bytes a group', async (length) => {
    const state = noise(length, length);
    const small = new CheckpointBuilder(gzip, 1_000_000);
    small.add({ inOffset: 0, outOffset: 0, state });
    const { checkpoints: columns, states: bytes } = await small.finish();
    expect(same(inflateRawSync(bytes), state)).toBe(true);
    const memory = new SharedArrayBuffer(bytes.length);
    new Uint8Array(memory).set(bytes);
    expect(same(readCheckpoint(columns, { memory }, 0).state, state)).toBe(true);
  });
});
