import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Blob } from '#src/blob/blob.js';
import { FRUGAL_LENGTH, GrowingRanges } from '#src/engine/fetch/growing-ranges.js';
import { noise } from './bytes.js';

const KIB = 1024;

/** A source in memory that remembers what it was asked for, and hands out chunks of `chunk` bytes, each a turn later. */
function watched(bytes: Uint8Array, chunk = 10_000) {
  const asked: [number, number][] = [];
  let open = 0;
  const source: Blob & { servesRanges: boolean; mostOpen: number; failAt: number } = {
    size: bytes.length,
    servesRanges: true,
    mostOpen: 0,
    failAt: Number.POSITIVE_INFINITY,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    async stream(offset, end, onChunk, signal) {
      asked.push([offset, end]);
      source.mostOpen = Math.max(source.mostOpen, ++open);
      try {
        for (let at = offset; at < end; at += chunk) {
          await new Promise(setImmediate);
          signal?.throwIfAborted();
          if (at >= source.failAt) throw new Error('broken');
          const part = Uint8Array.from(bytes.subarray(at, Math.min(end, at + chunk)));
          await onChunk(part);
          part.fill(0xee); // valid until then
        }
      } finally {
        open--;
      }
    },
  };
  return { source, asked, openNow: () => open };
}

async function collected(source: Blob, offset: number, end: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  await new GrowingRanges(source).stream(offset, end, async (chunk) => {
    await new Promise(setImmediate);
    parts.push(Buffer.from(chunk));
  });
  return Buffer.concat(parts);
}

describe('growing ranges', () => {
  it('hand out every byte once, in order, wherever they begin and end', async () => {
    const bytes = noise(1_500_000, 5);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.nat(bytes.length),
        fc.integer({ min: 1000, max: 300_000 }),
        async (offset, length, chunk) => {
          const end = Math.min(bytes.length, offset + length + 1);
          const { source, asked } = watched(bytes, chunk);
          expect(
            (await collected(source, offset, end)).equals(Buffer.from(bytes.subarray(offset, end))),
          ).toBe(true);
          expect(asked[0]![0]).toBe(offset);
          expect(asked.at(-1)![1]).toBe(end);
          for (let i = 1; i < asked.length; i++) expect(asked[i]![0]).toBe(asked[i - 1]![1]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('ask one at a time at first, then one ahead, none longer than half of what went before', async () => {
    const bytes = new Uint8Array(40 * KIB * KIB);
    const { source, asked } = watched(bytes, KIB * KIB);
    const seenAt: number[] = []; // requests made by the time that so many bytes were used up
    let used = 0;
    await new GrowingRanges(source).stream(0, bytes.length, async (chunk) => {
      used += chunk.length;
      await new Promise(setImmediate);
      if (used <= FRUGAL_LENGTH) seenAt.push(asked.at(-1)![1]);
    });
    expect(seenAt).toEqual([64 * KIB, 128 * KIB]);
    expect(source.mostOpen).toBe(2);
    for (const [start, end] of asked) {
      expect(end - start).toBeLessThanOrEqual(Math.max(64 * KIB, Math.min(start / 2, 8 * KIB * KIB)));
    }
    expect(asked.length).toBeLessThan(25);
  });

  it('ask for all at once when ranges turn out not to be served', async () => {
    const { source, asked } = watched(new Uint8Array(3_000_000));
    source.servesRanges = false;
    await collected(source, 0, 3_000_000);
    expect(asked).toEqual([[0, 3_000_000]]);
  });

  it('end with a fault of the source, with what the reader throws, and when they are aborted; nothing goes on', async () => {
    const bytes = new Uint8Array(2_000_000);
    const broken = watched(bytes);
    broken.source.failAt = 500_000;
    await expect(collected(broken.source, 0, bytes.length)).rejects.toThrow('broken');
    expect(broken.openNow()).toBe(0);

    for (const stopAt of [0, 100_000, 700_000]) {
      const { source, openNow } = watched(bytes);
      let passed = 0;
      const throwing = new GrowingRanges(source).stream(0, bytes.length, (chunk) => {
        passed += chunk.length;
        if (passed > stopAt) throw new Error('enough');
      });
      await expect(throwing).rejects.toThrow('enough');
      expect(openNow()).toBe(0);

      const stop = new AbortController();
      passed = 0;
      const aborted = new GrowingRanges(source).stream(
        0,
        bytes.length,
        (chunk) => {
          passed += chunk.length;
          if (passed > stopAt) stop.abort(new Error('not wanted'));
        },
        stop.signal,
      );
      await expect(aborted).rejects.toThrow('not wanted');
      expect(openNow()).toBe(0);
    }
  });
});
