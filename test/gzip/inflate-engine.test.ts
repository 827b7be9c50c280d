import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as codes from '#dist/gzip/inflate-codes.js';
import { InflateEngine, WINDOW_SIZE } from '#dist/gzip/inflate-engine.js';
import { describeFault } from '#dist/gzip/inflate-faults.js';
import {
  canonicalCodes,
  code,
  dynamicHeader,
  dynamicStart,
  FINAL,
  FIXED,
  type Field,
  fixedSymbol,
  NOT_FINAL,
  packBits,
} from './deflate-bits.js';
import { concat } from './members.js';
import { PLAIN_KINDS, plain, randomSource } from './plain.js';

const engine = new InflateEngine();

interface Inflated {
  output: Uint8Array;
  used: number; // compressed bytes
}

interface Pace {
  chunkSize?: number;
  stopEvery?: number; // bytes of output asked for at once
  track?: boolean; // at every block
  base?: number; // where the stream lies in its blob
}

/** A raw deflate stream through the engine; a FAULT code when it refuses. */
function inflate(raw: Uint8Array, pace: Pace = {}): Inflated | number {
  const { chunkSize = 65_536, stopEvery = Number.POSITIVE_INFINITY, track = false, base = 0 } = pace;
  engine.reset(base, base);
  engine.startStream();
  const parts: Buffer[] = [];
  let at = 0;
  let tracked = false;
  for (;;) {
    const from = engine.outOffset;
    const event = engine.run(from + stopEvery, track ? 0 : Number.POSITIVE_INFINITY);
    if (event === codes.FAULT) return engine.faultCode;
    const length = engine.outOffset - from;
    parts.push(Buffer.from(engine.memory.subarray(engine.outputAddress - length, engine.outputAddress)));
    if (event === codes.NEED_INPUT) {
      at += engine.append(raw.subarray(at, at + chunkSize));
      if (at === raw.length) engine.close();
    } else if (event === codes.BLOCK_START) {
      if (tracked) engine.stopTracking();
      engine.startTracking();
      tracked = true;
    } else if (event === codes.STREAM_END) {
      return { output: new Uint8Array(Buffer.concat(parts)), used: engine.inOffset - base };
    }
  }
}

/** The same by zlib; undefined when it refuses. */
function zlibInflate(raw: Uint8Array): Inflated | undefined {
  try {
    // `info` is documented, but not in the types.
    const result = inflateRawSync(raw, { info: true } as object) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { output: new Uint8Array(result.buffer), used: result.engine.bytesWritten };
  } catch {
    return undefined;
  }
}

function expectAsZlib(raw: Uint8Array, pace: Pace = {}): void {
  const ours = inflate(raw, pace);
  const zlibs = zlibInflate(raw);
  if (zlibs === undefined) expect(ours).toBeTypeOf('number');
  else {
    expect(ours).toBeTypeOf('object');
    const { output, used } = ours as Inflated;
    expect(used).toBe(zlibs.used);
    expect(Buffer.compare(output, zlibs.output)).toBe(0);
  }
}

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

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
/** Lengths of a literal/length code: all 0 but these. */
const litlen = (lengths: Record<number, number>, count = 257): number[] =>
  Array.from({ length: count }, (_, symbol) => lengths[symbol] ?? 0);

describe('faults', () => {
  const cases: [name: string, fault: number, fields: Field[]][] = [
    ['block type 3', codes.FAULT_BLOCK_TYPE, [FINAL, [3, 2]]],
    ['LEN and NLEN equal', codes.FAULT_STORED_LENGTH, [FINAL, [0, 2], [0, 5], [5, 16], [5, 16]]],
    ['HLIT 30', codes.FAULT_SYMBOL_COUNT, [FINAL, ...dynamicStart(287, 1, [1, 1])]],
    ['HDIST 30', codes.FAULT_SYMBOL_COUNT, [FINAL, ...dynamicStart(257, 31, [1, 1])]],
    ['precode over-subscribed', codes.FAULT_LENGTH_CODE, [FINAL, ...dynamicStart(257, 1, [1, 1, 1])]],
    ['precode incomplete', codes.FAULT_LENGTH_CODE, [FINAL, ...dynamicStart(257, 1, [1])]],
    ['precode empty', codes.FAULT_LENGTH_CODE, [FINAL, ...dynamicStart(257, 1, [])]],
    [
      'a repeat of nothing',
      codes.FAULT_LENGTH_REPEAT,
      [FINAL, ...dynamicStart(257, 1, litlen({ 0: 1, 16: 1 }, 19)), code(1, 1), [0, 2]],
    ],
    [
      'a repeat past the last length',
      codes.FAULT_LENGTH_REPEAT,
      [
        FINAL,
        ...dynamicStart(257, 1, litlen({ 0: 1, 18: 1 }, 19)),
        code(1, 1),
        [127, 7],
        code(1, 1),
        [127, 7],
      ],
    ],
    ['no end of block', codes.FAULT_NO_BLOCK_END, [FINAL, ...dynamicHeader(litlen({ 0: 1, 1: 1 }), [1])]],
    [
      'literals over-subscribed',
      codes.FAULT_LITLEN_CODE,
      [FINAL, ...dynamicHeader(litlen({ 0: 1, 1: 1, 256: 1 }), [1])],
    ],
    [
      'literals incomplete',
      codes.FAULT_LITLEN_CODE,
      [FINAL, ...dynamicHeader(litlen({ 0: 2, 256: 1 }), [1])],
    ],
    ['one literal of two bits', codes.FAULT_LITLEN_CODE, [FINAL, ...dynamicHeader(litlen({ 256: 2 }), [1])]],
    [
      'distances over-subscribed',
      codes.FAULT_DISTANCE_CODE,
      [FINAL, ...dynamicHeader(litlen({ 0: 1, 256: 1 }), [1, 1, 1])],
    ],
    [
      'distances incomplete',
      codes.FAULT_DISTANCE_CODE,
      [FINAL, ...dynamicHeader(litlen({ 0: 1, 256: 1 }), [2, 1])],
    ],
    [
      'one distance of two bits',
      codes.FAULT_DISTANCE_CODE,
      [FINAL, ...dynamicHeader(litlen({ 0: 1, 256: 1 }), [2])],
    ],
    ['symbol 286', codes.FAULT_LITLEN_SYMBOL, [FINAL, FIXED, fixedSymbol(286)]],
    ['symbol 287', codes.FAULT_LITLEN_SYMBOL, [FINAL, FIXED, fixedSymbol(287)]],
    [
      'a bit without a literal',
      codes.FAULT_LITLEN_SYMBOL,
      [FINAL, ...dynamicHeader(litlen({ 256: 1 }), [1]), code(1, 1)],
    ],
    [
      'distance 30',
      codes.FAULT_DISTANCE_SYMBOL,
      [FINAL, FIXED, fixedSymbol(97), fixedSymbol(257), code(30, 5)],
    ],
    [
      'a distance without a code',
      codes.FAULT_DISTANCE_SYMBOL,
      [FINAL, ...dynamicHeader(litlen({ 256: 1, 257: 1 }, 258), [0]), code(1, 1), [0, 5]],
    ],
    [
      'a bit without a distance',
      codes.FAULT_DISTANCE_SYMBOL,
      [FINAL, ...dynamicHeader(litlen({ 256: 1, 257: 1 }, 258), [1]), code(1, 1), code(1, 1)],
    ],
    [
      'a match before the first byte',
      codes.FAULT_DISTANCE_TOO_FAR,
      [FINAL, FIXED, fixedSymbol(97), fixedSymbol(257), code(1, 5)],
    ],
    ['nothing', codes.FAULT_CUT_SHORT, []],
  ];
  for (const [name, fault, fields] of cases) {
    it(`${name}: ${describeFault(fault)}`, () => {
      const raw = packBits([...fields, [0, 32]]); // so that the fault is not that the input ends
      const stream = fields.length > 0 ? raw : new Uint8Array(0);
      expect(zlibInflate(stream)).toBeUndefined();
      expect(inflate(stream)).toBe(fault);
      expect(inflate(stream, { chunkSize: 1 })).toBe(fault);
    });
  }

  it('each code has its text', () => {
    const faults = Object.entries(codes).filter(([name]) => name.startsWith('FAULT_'));
    const texts = faults.map(([, fault]) => describeFault(fault));
    expect(new Set(texts).size).toBe(faults.length);
    expect(texts.join()).not.toContain('unknown');
  });
});

describe('rare codes that are right', () => {
  const cases: [name: string, fields: Field[], output: number[]][] = [
    ['end of block alone, of one bit', [FINAL, ...dynamicHeader(litlen({ 256: 1 }), [0]), code(0, 1)], []],
    [
      'one distance of one bit',
      [
        FINAL,
        ...dynamicHeader(litlen({ 97: 2, 256: 2, 257: 1 }, 258), [1]),
        code(2, 2),
        code(0, 1),
        code(0, 1),
        code(3, 2),
      ],
      [97, 97, 97, 97],
    ],
    ['no distances', [FINAL, ...dynamicHeader(litlen({ 97: 1, 256: 1 }), [0]), code(0, 1), code(1, 1)], [97]],
    [
      'length 258 by symbol 284 and 31',
      [FINAL, FIXED, fixedSymbol(97), fixedSymbol(284), [31, 5], code(0, 5), fixedSymbol(256)],
      Array.from({ length: 259 }, () => 97),
    ],
    [
      'empty blocks of all types',
      [
        NOT_FINAL,
        FIXED,
        fixedSymbol(256),
        NOT_FINAL,
        [0, 2],
        [0, 3],
        [0, 16],
        [0xffff, 16],
        NOT_FINAL,
        ...dynamicHeader(litlen({ 256: 1 }), [0]),
        code(0, 1),
        FINAL,
        FIXED,
        fixedSymbol(256),
      ],
      [],
    ],
  ];
  for (const [name, fields, output] of cases) {
    it(name, () => {
      const raw = packBits(fields);
      expect(zlibInflate(raw)?.output).toEqual(new Uint8Array(output));
      expectAsZlib(raw);
      expectAsZlib(raw, { chunkSize: 1 });
    });
  }

  /** Lengths of a complete code: leaves of a tree that is split at random, never below 15 levels. */
  const completeCode = (symbols: number) =>
    fc.tuple(fc.integer({ min: 2, max: symbols }), fc.infiniteStream(fc.nat())).map(([leaves, choices]) => {
      const lengths = [1, 1];
      while (lengths.length < leaves) {
        const open = lengths.flatMap((length, i) => (length < 15 ? [i] : []));
        // The deepest of two: long codes are what has rules of its own.
        const pick = () => open[(choices.next().value as number) % open.length]!;
        const [a, b] = [pick(), pick()];
        const chosen = lengths[a]! > lengths[b]! ? a : b;
        lengths[chosen]!++;
        lengths.push(lengths[chosen]!);
      }
      return lengths;
    });

  it('any complete code, followed by anything, as zlib does it', () => {
    fc.assert(
      fc.property(
        completeCode(285),
        completeCode(30),
        fc.integer({ min: 0, max: 1 }),
        fc.uint8Array({ minLength: 40, maxLength: 400 }),
        (litlenLengths, distance, damage, body) => {
          // End-of-block takes the longest code, so that the body goes on for a while.
          const longest = litlenLengths.indexOf(Math.max(...litlenLengths));
          const [last] = litlenLengths.splice(longest, 1) as [number];
          const padded = [
            ...litlenLengths.slice(0, 256),
            ...zeros(Math.max(0, 256 - litlenLengths.length)),
            last,
            ...litlenLengths.slice(256),
          ];
          padded[0]! += damage && padded[0]! < 15 ? 1 : 0;
          expectAsZlib(concat(packBits([FINAL, ...dynamicHeader(padded, distance)]), body));
          // Literals first, so that matches have something to reach.
          const word = canonicalCodes(padded)[0];
          if (word)
            expectAsZlib(
              concat(
                packBits([
                  FINAL,
                  ...dynamicHeader(padded, distance),
                  ...Array.from({ length: 999 }, () => word),
                ]),
                body,
              ),
            );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('long codes', () => {
  /** Lengths 1, 2, … 14, 15, 15 for these symbols: every length a code can have. */
  const chain = (symbols: readonly number[], count: number): number[] =>
    Array.from({ length: count }, (_, symbol) => {
      const place = symbols.indexOf(symbol);
      return place < 0 ? 0 : Math.min(place + 1, 15);
    });
  // Most extra bits on the longest codes: a match can then take 20 + 28 bits, after literals of 11 each.
  const litlenLengths = chain([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 283, 282, 281, 284, 256], 285);
  const distanceLengths = chain([0, 1, 2, 3, 16, 17, 18, 19, 20, 22, 24, 25, 26, 27, 28, 29], 30);
  const litlenCodes = canonicalCodes(litlenLengths);
  const distanceCodes = canonicalCodes(distanceLengths);
  const lengthSymbols = [281, 282, 283, 284];
  const usedDistances = distanceLengths.flatMap((length, symbol) => (length > 0 ? [symbol] : []));

  it('in any order, far more often than a compressor would use them', () => {
    for (let seed = 0; seed < 8; seed++) {
      const random = randomSource(seed);
      const fields: Field[] = [FINAL, ...dynamicHeader(litlenLengths, distanceLengths)];
      for (let i = 0; i < WINDOW_SIZE; i++) fields.push(litlenCodes[random(2)]!); // so that all distances reach bytes
      for (let i = 0; i < 4000; i++) {
        for (let literals = random(4); literals > 0; literals--) fields.push(litlenCodes[random(11)]!);
        const distance = usedDistances[random(usedDistances.length)]!;
        const extraBits = Math.max(0, (distance >> 1) - 1);
        fields.push(litlenCodes[lengthSymbols[random(4)]!]!, [random(31), 5]);
        fields.push(distanceCodes[distance]!, [random(2 ** extraBits), extraBits]);
      }
      const raw = packBits([...fields, litlenCodes[256]!]);
      expect(zlibInflate(raw)?.output.length).toBeGreaterThan(WINDOW_SIZE + 4000 * 131);
      expectAsZlib(raw, { track: seed % 2 === 0 });
    }
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

  it('a window is read to its first byte and not before', () => {
    const window = plain('noise', WINDOW_SIZE);
    const match = (distanceSymbol: number, extra: number, extraBits: number) =>
      packBits([
        FINAL,
        FIXED,
        fixedSymbol(257),
        code(distanceSymbol, 5),
        [extra, extraBits],
        fixedSymbol(256),
      ]);
    const resume = (raw: Uint8Array, length: number) => {
      engine.reset(0, 0, window.subarray(WINDOW_SIZE - length));
      engine.startBlocks(0, 0);
      engine.append(raw);
      engine.close();
      const event = engine.run(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      return event === codes.STREAM_END
        ? engine.memory.slice(engine.outputAddress - 3, engine.outputAddress)
        : event;
    };
    const farthest = match(29, 8191, 13); // 32768
    expect(resume(farthest, WINDOW_SIZE)).toEqual(window.subarray(0, 3));
    expect(resume(farthest, WINDOW_SIZE - 1)).toBe(codes.FAULT);
    expect(resume(match(4, 0, 1), 5)).toEqual(window.subarray(WINDOW_SIZE - 5, WINDOW_SIZE - 2));
    expect(resume(match(4, 0, 1), 4)).toBe(codes.FAULT);
  });
});
