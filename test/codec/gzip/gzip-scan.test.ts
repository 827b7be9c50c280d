import { readFileSync } from 'node:fs';
import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScanObserver } from '#src/codec/codec.js';
import { GzipScan } from '#src/codec/gzip/gzip-scan.js';
import { InflateEngine } from '#src/codec/gzip/inflate-engine.js';
import { code, FINAL, FIXED, fixedSymbol, NOT_FINAL, packBits } from './deflate-bits.js';
import { concat, header, member, trailer } from './members.js';
import { PLAIN_KINDS, plain } from './plain.js';
import { MAX_SLICE, refusal, scan } from './scan.js';

const CHUNK_SIZES = [1, 7, 60, 5000, 1_000_000];
const noBytes = new Uint8Array(0);

/** Data after which deflate's stream ends at most bit positions of its last byte. */
const small = (seed: number) => plain('letters', 40 + seed, seed);

describe('GzipScan', () => {
  for (const chunkSize of CHUNK_SIZES) {
    it(`inflates one member pushed ${chunkSize} bytes at a time`, () => {
      const data = plain('copies', chunkSize < 60 ? 80_000 : 700_000);
      const scanned = scan(gzipSync(data), { chunkSize });
      expect(Buffer.compare(scanned.output, data)).toBe(0);
      expect(scanned).toMatchObject({ outSize: data.length, members: 1 });
      expect(scanned.longestSlice).toBeLessThanOrEqual(MAX_SLICE);
    });

    it(`inflates many members pushed ${chunkSize} bytes at a time`, () => {
      const parts = [
        small(0),
        noBytes,
        plain('noise', 1000),
        plain('zeros', 70_000),
        noBytes,
        small(3),
        small(4),
        noBytes,
      ];
      const blob = concat(
        ...parts.map((part, i) =>
          member(part, i % 2 ? { name: 'x'.repeat(i), headerCrc: true } : {}, { level: i }),
        ),
      );
      const scanned = scan(blob, { chunkSize });
      expect(scanned).toMatchObject({ output: concat(...parts), members: parts.length });
    });
  }

  it('hands out slices of 256 KiB at most', () => {
    const data = plain('short repeats', 5_000_000);
    const { longestSlice, output } = scan(gzipSync(data), { chunkSize: 1 << 20 });
    expect(longestSlice).toBeLessThanOrEqual(MAX_SLICE);
    expect(longestSlice).toBeGreaterThan(MAX_SLICE - 1024);
    expect(Buffer.compare(output, data)).toBe(0);
  });

  it('passes members that end anywhere in the input buffer', () => {
    // 256 KiB of input: stored blocks make the compressed size plain to choose.
    for (let length = 262_144 - 60; length < 262_144 + 10; length++) {
      const first = plain('noise', length);
      const blob = concat(member(first, {}, { level: 0 }), member(small(1)));
      expect(scan(blob, { chunkSize: 1 << 20 })).toMatchObject({
        outSize: length + small(1).length,
        members: 2,
      });
    }
  });

  it('passes members that end anywhere in the output buffer', () => {
    for (let length = 262_144 - 300; length <= 262_144; length += 7) {
      const first = plain('zeros', length);
      const second = plain('copies', 40_000);
      const scanned = scan(concat(member(first), member(second)), { chunkSize: 1 << 20 });
      expect(Buffer.compare(scanned.output.subarray(length), second)).toBe(0);
    }
  });

  it('passes what pigz writes: one member, flushed every 128 KiB', () => {
    const data = plain('copies', 600_000);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += 131_072) {
      parts.push(
        deflateRawSync(data.subarray(at, at + 131_072), {
          finishFlush: constants.Z_SYNC_FLUSH,
          ...(at > 0 ? { dictionary: data.subarray(at - 32_768, at) } : {}),
        }),
      );
    }
    const blob = concat(header(), ...parts, new Uint8Array([3, 0]), trailer(data));
    expect(Buffer.compare(scan(blob).output, data)).toBe(0);
  });

  it('ignores zeros after the last member, and nothing else', () => {
    const blob = member(small(1));
    for (const count of [1, 2, 511, 400_000]) {
      const padded = concat(blob, new Uint8Array(count));
      expect(scan(padded)).toMatchObject({ output: small(1), members: 1 });
      expect(scan(padded, { chunkSize: 70_000 })).toMatchObject({ members: 1 });
      expect(refusal(concat(padded, new Uint8Array([9])))).toMatch(
        new RegExp(`compressed offset ${padded.length}, .* got byte 9 after the last member`),
      );
    }
    for (const garbage of [[1], [0x1f], [0x1f, 0x8b], [0x50, 0x4b, 3, 4]]) {
      expect(refusal(concat(blob, new Uint8Array(garbage)))).toBeDefined();
    }
    expect(refusal(concat(blob, new Uint8Array(1), blob))).toBeDefined();
  });

  it('refuses a blob that is cut short anywhere', () => {
    const blob = concat(
      member(small(1), { name: 'a', extra: new Uint8Array(3), headerCrc: true }),
      member(small(2)),
    );
    const border = member(small(1), { name: 'a', extra: new Uint8Array(3), headerCrc: true }).length;
    for (let length = 0; length < blob.length; length++) {
      const message = refusal(blob.subarray(0, length), 1 + (length % 9));
      if (length === border) expect(message).toBeUndefined();
      else expect(message).toContain('cut short');
    }
  });

  it('refuses a wrong checksum and a wrong size', () => {
    const data = small(5);
    const body = concat(header(), deflateRawSync(data));
    const wrong = (at: number) => {
      const end = trailer(data);
      end[at]! ^= 0x80;
      return concat(body, end, member(small(1)));
    };
    expect(refusal(concat(body, trailer(data), member(small(1))))).toBeUndefined();
    for (const at of [0, 1, 2, 3])
      expect(refusal(wrong(at))).toMatch(/CRC32 is [0-9a-f]{8}, its trailer says/);
    for (const at of [4, 5, 6, 7])
      expect(refusal(wrong(at))).toMatch(/has 45 bytes \(modulo 2\^32\), its trailer says/);
  });

  it('names the place of a fault in both offsets', () => {
    const first = plain('noise', 300_000);
    const broken = concat(header(), packBits([FINAL, FIXED, fixedSymbol(97), fixedSymbol(286), [0, 32]]));
    const blob = concat(member(first), broken);
    const thrown = refusal(blob);
    // The code that is wrong ends in the third byte of the stream.
    expect(thrown).toContain(
      `compressed offset ${member(first).length + header().length + 3}, uncompressed offset 300001:`,
    );
  });

  it('refuses a match that reaches into the member before, wherever the output buffer has moved', () => {
    const stored = plain('noise', 20_000);
    const storedBlock = packBits([
      NOT_FINAL,
      [0, 2],
      [0, 5],
      [stored.length, 16],
      [~stored.length & 0xffff, 16],
    ]);
    const match = packBits([FINAL, FIXED, fixedSymbol(257), code(29, 5), [8191, 13], fixedSymbol(256)]); // 32768 back
    for (const length of [0, 40_000, 250_000, 262_000]) {
      const second = concat(header(), storedBlock, stored, match, new Uint8Array(8));
      const blob = concat(member(plain('noise', length)), second);
      expect(refusal(blob)).toContain('reaches back before the start of the member');
    }
  });

  it('throws CORRUPT_LAYER', () => {
    expect(() => scan(new Uint8Array([1]))).toThrowError(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
    expect(() => scan(noBytes)).toThrowError(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
  });

  it('wants spans of a window at least', () => {
    for (const spanSize of [0, 32_767, Number.NaN]) {
      expect(() => scan(member(small(1)), { spanSize })).toThrowError(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
  });

  it('inflates anything in any members and pieces', () => {
    const part = fc.record({
      kind: fc.constantFrom(...PLAIN_KINDS),
      length: fc.integer({ min: 0, max: 60_000 }),
      level: fc.integer({ min: 0, max: 9 }),
      name: fc.option(fc.stringMatching(/^[a-z]{0,20}$/), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.nat(40),
        (parts, chunkSize, padding) => {
          const plains = parts.map(({ kind, length }, seed) => plain(kind, length, seed));
          const members = parts.map(({ level, name }, i) => member(plains[i]!, { name }, { level }));
          const { output } = scan(concat(...members, new Uint8Array(padding)), { chunkSize });
          expect(Buffer.compare(output, concat(...plains))).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('inflates a real program', () => {
    const program = readFileSync(process.execPath).subarray(0, 12 << 20);
    const { output } = scan(gzipSync(program, { level: 4 }));
    expect(Buffer.compare(output, program)).toBe(0);
  });
});

describe('sizes beyond 2^32', () => {
  it('are counted exactly, in one deflate stream', () => {
    const megabyte = new Uint8Array(1 << 20);
    const piece = deflateRawSync(megabyte, { finishFlush: constants.Z_FULL_FLUSH });
    const count = 4100; // a little over 4 GiB
    let crc = 0;
    for (let i = 0; i < count; i++) crc = crc32(megabyte, crc);
    const offsets: number[] = [];
    const observer: ScanObserver = {
      onOutput: () => {},
      onCheckpoint: ({ outOffset }) => offsets.push(outOffset),
    };
    const pass = new GzipScan(new InflateEngine(), observer, 64 << 20);
    pass.push(header());
    for (let i = 0; i < count; i++) pass.push(piece);
    const end = Buffer.alloc(10);
    end.set([3, 0]); // an empty final block
    end.writeUInt32LE(crc, 2);
    end.writeUInt32LE((count * megabyte.length) % 2 ** 32, 6);
    pass.push(end);
    expect(pass.finish()).toEqual({ outSize: count * megabyte.length, members: 1 });
    // Each piece ends a block (of 1 MiB, or less), so spans are what was asked for, twice as long where next to nothing is input.
    expect(offsets).toEqual(Array.from({ length: 33 }, (_, i) => i * 2 * (64 << 20)));
  });
});
