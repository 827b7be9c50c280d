import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as codes from '#src/codec/gzip/inflate-codes.js';
import { DEFLATE_WINDOW_SIZE } from '#src/codec/gzip/inflate-engine.js';
import { describeFault } from '#src/codec/gzip/inflate-faults.js';
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
import { expectAsZlib, inflate, zlibInflate } from './inflate.js';
import { concat } from './members.js';
import { randomSource } from './plain.js';

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
      for (let i = 0; i < DEFLATE_WINDOW_SIZE; i++) fields.push(litlenCodes[random(2)]!); // so that all distances reach bytes
      for (let i = 0; i < 4000; i++) {
        for (let literals = random(4); literals > 0; literals--) fields.push(litlenCodes[random(11)]!);
        const distance = usedDistances[random(usedDistances.length)]!;
        const extraBits = Math.max(0, (distance >> 1) - 1);
        fields.push(litlenCodes[lengthSymbols[random(4)]!]!, [random(31), 5]);
        fields.push(distanceCodes[distance]!, [random(2 ** extraBits), extraBits]);
      }
      const raw = packBits([...fields, litlenCodes[256]!]);
      expect(zlibInflate(raw)?.output.length).toBeGreaterThan(DEFLATE_WINDOW_SIZE + 4000 * 131);
      expectAsZlib(raw, { track: seed % 2 === 0 });
    }
  });
});
