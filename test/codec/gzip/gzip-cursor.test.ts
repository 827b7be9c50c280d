import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GzipCheckpoint as Checkpoint, packCheckpoint } from '#src/codec/gzip/gzip-checkpoint.js';
import { GzipCursor } from '#src/codec/gzip/gzip-cursor.js';
import { InflateEngine } from '#src/codec/gzip/inflate-engine.js';
import { concat, member } from './members.js';
import { plain } from './plain.js';
import { scan } from './scan.js';

const cursor = new GzipCursor(new InflateEngine());

/** Supplies what the cursor wants next, `chunkSize` bytes at most; the last bytes as the last. */
function feed(from: GzipCursor, blob: Uint8Array, chunkSize: number): void {
  const start = from.inputOffset;
  const end = Math.min(start + chunkSize, blob.length);
  from.push(blob.subarray(start, end), end === blob.length);
}

/** `length` bytes, fewer at the end. */
function take(from: GzipCursor, blob: Uint8Array, length: number, chunkSize = 50_000): Uint8Array {
  const target = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const read = from.read(target.subarray(done));
    done += read;
    if (read > 0) continue;
    if (from.ended) break;
    feed(from, blob, chunkSize);
  }
  return target.subarray(0, done);
}

function pass(from: GzipCursor, blob: Uint8Array, length: number): void {
  for (let left = length; left > 0; ) {
    const skipped = from.skip(left);
    left -= skipped;
    if (skipped === 0 && from.ended) return;
    if (skipped === 0) feed(from, blob, 50_000);
  }
}

/** A blob with everything in it: several members, all block types, zeros behind. */
function mixedBlob(): { blob: Uint8Array; data: Uint8Array } {
  const parts = [
    plain('copies', 400_000),
    new Uint8Array(0),
    plain('letters', 500_000),
    plain('noise', 100_000),
    plain('zeros', 300_000),
    plain('skewed', 200_000),
  ];
  const members = parts.map((part, i) =>
    member(part, { name: 'm', headerCrc: true }, { level: [6, 9, 6, 0, 1, 4][i]!, memLevel: 3 }),
  );
  return { blob: concat(...members, new Uint8Array(100)), data: concat(...parts) };
}

/** A deflate stream whose 300 bytes are a match of the dictionary. */
function deflatedWith(dictionary: Uint8Array): Uint8Array {
  return new Uint8Array(deflateRawSync(new Uint8Array(300).fill(dictionary[0]!), { dictionary }));
}

const { blob, data } = mixedBlob();
const { checkpoints } = scan(blob, { spanSize: 32_768, keepOutput: false });

describe('GzipCursor', () => {
  it('has every kind of checkpoint to go to', () => {
    const inside = checkpoints.filter(({ memberStart }) => !memberStart);
    expect(new Set(inside.map(({ bits }) => bits))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    expect(checkpoints.length - inside.length).toBeGreaterThan(1);
  });

  it('reads from every checkpoint with a dense window, as zran keeps it', () => {
    const inside = checkpoints.filter(({ memberStart }) => !memberStart);
    for (const checkpoint of inside) {
      const { outOffset } = checkpoint;
      const window = data.subarray(Math.max(0, outOffset - 32_768), outOffset);
      cursor.seek(packCheckpoint({ ...checkpoint, window, isDense: true }));
      const length = 100_000;
      const read = take(cursor, blob, length);
      expect(Buffer.compare(read, data.subarray(outOffset, outOffset + length))).toBe(0);
    }
  });

  it('shows zeros before a dense window that is too short, and nothing of earlier streams', () => {
    const text = new Uint8Array(Buffer.from('abcdefgh'.repeat(8000)));
    const stream = member(text, {}, { level: 9 });
    const secret = new Uint8Array(32_768).fill(0x53);
    const start = { inOffset: 10, bits: 0, outOffset: 0, isDense: true, memberStart: false };
    cursor.seek(packCheckpoint({ ...start, window: secret }));
    take(cursor, stream, 100);
    const farMatch = concat(new Uint8Array(10), deflatedWith(secret));
    cursor.seek(packCheckpoint({ ...start, window: new Uint8Array(0) }));
    expect(take(cursor, farMatch, 300)).toEqual(new Uint8Array(300));
  });

  it('reads from every checkpoint over members to the end of the blob', () => {
    for (const checkpoint of checkpoints) {
      cursor.seek(packCheckpoint(checkpoint));
      const rest = take(cursor, blob, data.length + 1);
      expect(Buffer.compare(rest, data.subarray(checkpoint.outOffset))).toBe(0);
      expect(cursor.ended).toBe(true);
      expect(cursor.outOffset).toBe(data.length);
    }
  });

  it('wants input from the byte in which the block begins', () => {
    for (const checkpoint of checkpoints) {
      cursor.seek(packCheckpoint(checkpoint));
      expect(cursor.inputOffset).toBe(checkpoint.inOffset - (checkpoint.bits > 0 ? 1 : 0));
      expect(cursor.outOffset).toBe(checkpoint.outOffset);
    }
  });

  for (const chunkSize of [1, 7, 60, 5000, 1_000_000]) {
    it(`reads in steps of any length, with input of ${chunkSize} bytes at a time`, () => {
      for (const length of [1, 13, 4096, 70_000, 300_000]) {
        const checkpoint = checkpoints[5]!;
        cursor.seek(packCheckpoint(checkpoint));
        const whole = Math.min(
          data.length - checkpoint.outOffset,
          chunkSize < 60 ? 40_000 : 600_000,
          length * 2000,
        );
        for (let at = 0; at < whole; at += length) {
          const from = checkpoint.outOffset + at;
          expect(cursor.outOffset).toBe(from);
          const bytes = take(cursor, blob, length, chunkSize);
          if (Buffer.compare(bytes, data.subarray(from, from + length)) !== 0)
            expect.fail(`wrong bytes at ${from}`);
        }
      }
    });
  }

  it('inflates no more than it was asked for, but for a match', () => {
    const engine = new InflateEngine();
    const own = new GzipCursor(engine);
    own.seek(packCheckpoint(checkpoints[1]!));
    feed(own, blob, 100_000);
    take(own, blob, 10);
    expect(engine.outOffset - own.outOffset).toBeLessThan(259);
  });

  it('skips and reads in any order, from any checkpoint', () => {
    const moves = fc.array(fc.record({ skip: fc.boolean(), length: fc.nat(90_000) }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...checkpoints), moves, (checkpoint, steps) => {
        cursor.seek(packCheckpoint(checkpoint));
        let at = checkpoint.outOffset;
        for (const { skip, length } of steps) {
          const end = Math.min(at + length, data.length);
          if (skip) pass(cursor, blob, length);
          else if (Buffer.compare(take(cursor, blob, length), data.subarray(at, end)) !== 0) return false;
          at = end;
          if (cursor.outOffset !== at) return false;
        }
        return true;
      }),
      { numRuns: 150 },
    );
  });

  it('has any number of live fellows', () => {
    const cursors = checkpoints.slice(0, 8).map((checkpoint) => {
      const own = new GzipCursor(new InflateEngine());
      own.seek(packCheckpoint(checkpoint));
      return own;
    });
    for (let round = 0; round < 5; round++) {
      for (const own of cursors) {
        const at = own.outOffset;
        expect(Buffer.compare(take(own, blob, 10_000), data.subarray(at, at + 10_000))).toBe(0);
      }
    }
  });

  it('takes no more input than it has room for, and the rest later', () => {
    const noise = plain('noise', 1_000_000);
    const stored = member(noise);
    cursor.seek(packCheckpoint(scan(stored).checkpoints[0]!));
    const taken = cursor.push(stored, true);
    expect(taken).toBeLessThan(stored.length);
    expect(cursor.push(stored.subarray(taken), true)).toBe(0);
    expect(cursor.inputOffset).toBe(taken);
    expect(Buffer.compare(take(cursor, stored, 2_000_000), noise)).toBe(0);
    expect(cursor.ended).toBe(true);
  });

  it('refuses a blob that ends early, and can be used again', () => {
    for (const checkpoint of checkpoints.slice(0, 10)) {
      const cut = blob.subarray(0, checkpoint.inOffset + 3000);
      cursor.seek(packCheckpoint(checkpoint));
      expect(() => take(cursor, cut, data.length)).toThrowError(
        expect.objectContaining({ code: 'CORRUPT_LAYER', message: expect.stringContaining('cut short') }),
      );
      cursor.seek(packCheckpoint(checkpoint));
      expect(take(cursor, blob, 100)).toEqual(data.slice(checkpoint.outOffset, checkpoint.outOffset + 100));
    }
  });

  it('refuses bytes that are no blob, with both offsets', () => {
    const far: Checkpoint = {
      inOffset: 2 ** 40,
      bits: 0,
      outOffset: 2 ** 41,
      window: new Uint8Array(0),
      isDense: false,
      memberStart: false,
    };
    cursor.seek(packCheckpoint(far));
    cursor.push(new Uint8Array(100).fill(0xff), true);
    expect(() => cursor.read(new Uint8Array(10))).toThrowError(
      /compressed offset 1099511627776, uncompressed offset 2199023255552: got block type 3/,
    );
  });

  it('knows offsets beyond 2^32', () => {
    const base = 2 ** 45 + 12_345;
    for (const checkpoint of checkpoints.slice(0, 20)) {
      const moved = {
        ...checkpoint,
        inOffset: checkpoint.inOffset + base,
        outOffset: checkpoint.outOffset + 2 * base,
      };
      cursor.seek(packCheckpoint(moved));
      const target = new Uint8Array(300_000);
      let done = 0;
      while (done < target.length) {
        const read = cursor.read(target.subarray(done));
        done += read;
        if (read > 0) continue;
        const from = cursor.inputOffset - base;
        cursor.push(blob.subarray(from, from + 10_000), false);
      }
      expect(cursor.outOffset - 2 * base).toBe(checkpoint.outOffset + target.length);
      const wanted = data.subarray(checkpoint.outOffset, checkpoint.outOffset + target.length);
      expect(Buffer.compare(target, wanted)).toBe(0);
    }
  });
});
