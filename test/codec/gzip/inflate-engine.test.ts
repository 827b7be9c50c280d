import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as codes from '#src/codec/gzip/inflate-codes.js';
import { InflateEngine } from '#src/codec/gzip/inflate-engine.js';
import { code, FINAL, FIXED, type Field, fixedSymbol, packBits } from './deflate-bits.js';
import { expectAsZlib, type Inflated, inflate } from './inflate.js';
import { concat } from './members.js';
import { PLAIN_KINDS, plain, randomSource } from './plain.js';

const engine = new InflateEngine();

const CHUNK_SIZES = [1, 7, 60, 5000, 1_000_000];

describe('what zlib compresses', () => {
  const strategies = [
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FILTERED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FIXED,
  ];
  for (const kind of PLAIN_KINDS) {
    it(`comes out as it went in: ${kind}`, () => {
      const data = plain(kind, 50_000);
      let turn = 0;
      for (let level = 0; level <= 9; level++) {
        for (const strategy of strategies) {
          for (const [windowBits, memLevel] of [
            [15, 8],
            [9, 1],
            [12, 9],
          ] as const) {
            const raw = deflateRawSync(data, { level, strategy, windowBits, memLevel });
            const chunkSize = CHUNK_SIZES[turn++ % CHUNK_SIZES.length]!;
            const tail = new Uint8Array(turn % 3).fill(0xaa);
            const ours = inflate(concat(raw, tail), { chunkSize, track: turn % 2 === 0 }) as Inflated;
            expect(ours.used).toBe(raw.length);
            expect(Buffer.compare(ours.output, data)).toBe(0);
          }
        }
      }
    });
  }

  it('whatever the sizes of input and output steps', () => {
    for (const length of [0, 1, 300, 32_768, 262_144, 600_000]) {
      const data = plain('copies', length);
      const raw = deflateRawSync(data);
      for (const stopEvery of [1000, 32_768, 262_144]) {
        const ours = inflate(raw, { chunkSize: 4096, stopEvery, track: true }) as Inflated;
        expect(Buffer.compare(ours.output, data)).toBe(0);
      }
    }
  });

  it('writes nothing behind its output buffer', () => {
    const whole = new InflateEngine();
    let highest = 0;
    for (const kind of PLAIN_KINDS) {
      const raw = deflateRawSync(plain(kind, 3_000_000));
      whole.reset(0, 0);
      whole.startStream();
      for (let at = 0, event = -1; event !== codes.STREAM_END; ) {
        event = whole.run(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
        highest = Math.max(highest, whole.outputAddress);
        if (event !== codes.NEED_INPUT) continue;
        if (at === raw.length) whole.close();
        at += whole.append(raw.subarray(at));
      }
    }
    expect(whole.memory.subarray(highest + 32).every((byte) => byte === 0)).toBe(true);
  });
});

describe('damaged streams', () => {
  it('are refused exactly when zlib refuses them, and inflate to the same bytes when it does not', () => {
    const random = randomSource(7);
    for (let round = 0; round < 3000; round++) {
      const data = plain(PLAIN_KINDS[random(PLAIN_KINDS.length)]!, random(3) === 0 ? 3000 : 200, round);
      const raw = new Uint8Array(
        deflateRawSync(data, { level: random(10), strategy: random(5), memLevel: 1 + random(9) }),
      );
      for (let flips = random(4); flips >= 0; flips--) {
        // Block headers are the part with most rules, so most of the damage goes there.
        const at = random(random(3) > 0 ? Math.min(raw.length, 80) : raw.length);
        raw[at]! ^= 1 << random(8);
      }
      const cut = random(4) === 0 ? raw.subarray(0, random(raw.length)) : raw;
      expectAsZlib(cut, { chunkSize: CHUNK_SIZES[random(4)]!, track: random(2) === 0 });
    }
  });

  it('are cut short wherever they end early', () => {
    for (const options of [{}, { strategy: constants.Z_FIXED }, { level: 0 }]) {
      const raw = new Uint8Array(deflateRawSync(plain('letters', 1000), options));
      for (let length = 0; length < raw.length; length++) {
        expect(inflate(raw.subarray(0, length))).toBe(codes.FAULT_CUT_SHORT);
        expect(inflate(raw.subarray(0, length), { chunkSize: 1 })).toBe(codes.FAULT_CUT_SHORT);
      }
    }
  });

  it('leave an engine that inflates the next one right', () => {
    const data = plain('copies', 50_000);
    const raw = deflateRawSync(data);
    inflate(new Uint8Array([0xff, 0xff]));
    expect((inflate(raw) as Inflated).output).toEqual(data);
    inflate(raw.subarray(0, raw.length / 2));
    expect((inflate(raw) as Inflated).output).toEqual(data);
  });
});

describe('offsets', () => {
  it('beyond 2^32 are exact, and so are the blocks reported there', () => {
    const data = plain('copies', 900_000);
    const raw = deflateRawSync(data, { memLevel: 1 });
    for (const base of [2 ** 31 - 1000, 2 ** 32 - 1000, 2 ** 45 + 1]) {
      const blocks: number[][] = [];
      engine.reset(base, base * 2);
      engine.startStream();
      let at = 0;
      let wanted = base * 2 + 100_000;
      for (let event = -1; event !== codes.STREAM_END; ) {
        event = engine.run(Number.POSITIVE_INFINITY, wanted);
        expect(event).not.toBe(codes.FAULT);
        if (event === codes.BLOCK_START) {
          blocks.push([engine.inOffset - base, engine.bitCount, engine.outOffset - base * 2]);
          wanted = engine.outOffset + 100_000;
        } else if (event === codes.NEED_INPUT) {
          expect(engine.appendOffset).toBe(base + at);
          if (at === raw.length) engine.close();
          at += engine.append(raw.subarray(at));
        }
      }
      expect(engine.inOffset - base).toBe(raw.length);
      expect(engine.outOffset - base * 2).toBe(data.length);
      expect(blocks.length).toBe(8); // memLevel 1 makes blocks of some hundred bytes
      for (const [, , outOffset] of blocks) expect(outOffset).toBeGreaterThanOrEqual(100_000);
    }
  });

  it("a window's bytes are put back where matches first read them", () => {
    const match = (length: number, distanceSymbol: number, extra: number, extraBits: number) => [
      fixedSymbol(254 + length),
      code(distanceSymbol, 5),
      [extra, extraBits] as const,
    ];
    const farthest = (length: number) => match(length, 29, 8191, 13); // 32768
    const resume = (window: string, ...matches: Field[][]) => {
      engine.resume(0, 0, Buffer.from(window, 'latin1'));
      engine.startBlocks(0, 0);
      engine.append(packBits([FINAL, FIXED, ...matches.flat(), fixedSymbol(256)]));
      engine.close();
      const event = engine.run(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      const { memory, outputAddress, outOffset } = engine;
      return event === codes.STREAM_END
        ? Buffer.from(memory.subarray(outputAddress - outOffset, outputAddress)).toString('latin1')
        : engine.faultCode;
    };
    expect(resume('abc', farthest(3))).toBe('abc');
    expect(resume('abcd', farthest(3))).toBe('abc');
    expect(resume('ab', farthest(3))).toBe(codes.FAULT_WINDOW_SHORT);
    // The bytes 5, 4 and 3 before the checkpoint, and then 4, 3 and 2.
    expect(resume('abcd', match(3, 4, 0, 1), match(3, 5, 0, 1))).toBe('abcbcd');
    // 5 back for ten bytes: over the end of the window, into what came after it.
    expect(resume('abcde', match(10, 4, 0, 1))).toBe('abcdeabcde');
    expect(resume('abcd', match(10, 4, 0, 1))).toBe(codes.FAULT_WINDOW_SHORT);
    expect(resume('', match(3, 4, 0, 1))).toBe(codes.FAULT_WINDOW_SHORT);
  });

  it('a new stream forgets the window of the one before', () => {
    const raw = packBits([FINAL, FIXED, fixedSymbol(257), code(0, 5), fixedSymbol(256)]); // one back
    engine.resume(0, 0, Buffer.from('a'));
    engine.startStream();
    engine.append(raw);
    engine.close();
    expect(engine.run(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toBe(codes.FAULT);
    expect(engine.faultCode).toBe(codes.FAULT_DISTANCE_TOO_FAR);
  });
});
