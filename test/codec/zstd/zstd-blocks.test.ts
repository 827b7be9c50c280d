import { describe, expect, it } from 'vitest';
import { ZstdEngine } from '#src/codec/zstd/zstd-engine.js';
import { ZstdScan } from '#src/codec/zstd/zstd-scan.js';
import { noise } from '../../blob/bytes.js';
import { decompressZstd } from '../../support/zstd.js';
import {
  backwardBits,
  type CodedSequences,
  compressed,
  frame,
  huffmanLiterals,
  NO_SEQUENCES,
  raw,
  rawLiterals,
  rle,
  rleLiterals,
  SMALL_WINDOW,
  sequences,
  skippable,
  TWO_SYMBOLS,
} from './frames.js';
import { refusal, scan } from './scan.js';

const BEFORE = raw(Buffer.from('abcdefghijklmnop'));

/** One match of three bytes after literals. */
const match = (literals: string, offset: number, offsetExtra = 0): Buffer =>
  frame([
    BEFORE,
    compressed(
      rawLiterals(literals),
      sequences({ literalLength: literals.length, offset, matchLength: 0, extra: [[offsetExtra, 0, 0]] }),
    ),
  ]);
const coded = (changed: Partial<CodedSequences>): Buffer =>
  frame([
    BEFORE,
    compressed(
      rawLiterals('xy'),
      sequences({ literalLength: 2, offset: 2, matchLength: 0, extra: [[1, 0, 0]], ...changed }),
    ),
  ]);
/** Literals 0, 1, 0, 1 … in one stream. */
const bits = (count: number) => backwardBits(Array.from({ length: count }, (_, i) => [i & 1, 1] as const));
const alternating = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => i & 1));

const READ: Record<string, { blob: Buffer; output: Uint8Array | string }> = {
  'no block with content': { blob: frame([raw(Buffer.alloc(0))]), output: '' },
  'a compressed block of no bytes': { blob: frame([compressed(), raw(Buffer.from('a'))]), output: 'a' },
  'an RLE block': { blob: frame([rle(65, 5)]), output: 'AAAAA' },
  'literals alone': { blob: frame([compressed(rawLiterals('lit'), NO_SEQUENCES)]), output: 'lit' },
  'RLE literals': { blob: frame([compressed(rleLiterals(66, 4), NO_SEQUENCES)]), output: 'BBBB' },
  // Repeat offsets are 1, 4 and 8 at first.
  'repeat offset 1 after literals': { blob: match('xy', 0), output: 'abcdefghijklmnopxyyyy' },
  'repeat offset 2 after literals': { blob: match('xy', 1, 0), output: 'abcdefghijklmnopxyopx' },
  'repeat offset 3 after literals': { blob: match('xy', 1, 1), output: 'abcdefghijklmnopxyklm' },
  'repeat offset 1 without literals is the second': { blob: match('', 0), output: 'abcdefghijklmnopmno' },
  'repeat offset 2 without literals is the third': { blob: match('', 1, 0), output: 'abcdefghijklmnopijk' },
  'a repeat offset minus 1': {
    blob: frame([
      BEFORE,
      // An offset of 5 first (value 8), then 4.
      compressed(
        rawLiterals(''),
        sequences({ literalLength: 0, offset: 3, matchLength: 0, extra: [[0, 0, 0]] }),
      ),
      compressed(
        rawLiterals(''),
        sequences({ literalLength: 0, offset: 1, matchLength: 0, extra: [[1, 0, 0]] }),
      ),
    ]),
    output: 'abcdefghijklmnoplmnplm',
  },
  'RLE sequences, each a match of its own output': {
    blob: coded({
      offset: 0,
      matchLength: 10,
      literalLength: 1,
      extra: [
        [0, 0, 0],
        [0, 0, 0],
      ],
    }),
    output: `abcdefghijklmnopx${'x'.repeat(13)}y${'y'.repeat(13)}`,
  },
  'a match of all that there is': {
    blob: coded({ offset: 4, extra: [[5, 0, 0]] }),
    output: 'abcdefghijklmnopxyabc',
  },
  'a tree, then literals that repeat it': {
    blob: frame([
      compressed(huffmanLiterals(2, 1, 9, Buffer.concat([TWO_SYMBOLS, bits(9)])), NO_SEQUENCES),
      compressed(huffmanLiterals(3, 1, 20, bits(20)), NO_SEQUENCES),
    ]),
    output: Buffer.concat([alternating(9), alternating(20)]),
  },
  'literals in four streams': {
    blob: frame([
      compressed(
        huffmanLiterals(
          2,
          4,
          40,
          Buffer.concat([TWO_SYMBOLS, Buffer.from([2, 0, 2, 0, 2, 0]), ...[1, 2, 3, 4].map(() => bits(10))]),
        ),
        NO_SEQUENCES,
      ),
    ]),
    output: alternating(40),
  },
  'a match as far back as the window': {
    blob: frame(
      [
        raw(noise(SMALL_WINDOW)),
        compressed(
          rawLiterals(''),
          sequences({ literalLength: 0, offset: 10, matchLength: 0, extra: [[3, 0, 0]] }),
        ),
      ],
      10,
    ),
    output: Buffer.concat([noise(SMALL_WINDOW), noise(SMALL_WINDOW).subarray(0, 3)]),
  },
  'skippable frames, empty ones, one with a magic number': {
    blob: Buffer.concat([
      skippable(Buffer.from('28b52ffd', 'hex')),
      frame([raw(Buffer.from('a'))]),
      skippable(Buffer.alloc(0), 15),
      frame([raw(Buffer.from('b'))]),
      skippable(Buffer.alloc(100_000)),
    ]),
    output: 'ab',
  },
};

const REFUSED: Record<string, { blob: Buffer; says: RegExp; isStricter?: true }> = {
  'a repeat offset of 1 minus 1': { blob: match('', 1, 1), says: /reaches back/, isStricter: true },
  'a match before the frame': { blob: coded({ offset: 4, extra: [[6, 0, 0]] }), says: /reaches back/ },
  'a match into the frame before': {
    blob: Buffer.concat([frame([BEFORE]), match('', 4, 15)]),
    says: /reaches back/,
  },
  'the farthest offset that a code has': {
    blob: coded({ offset: 31, extra: [[2 ** 31 - 1, 0, 0]] }),
    says: /reaches back/,
  },
  'a match before the window': {
    blob: frame(
      [
        raw(noise(1000)),
        raw(noise(1000)),
        compressed(
          rawLiterals(''),
          sequences({ literalLength: 0, offset: 10, matchLength: 0, extra: [[4, 0, 0]] }),
        ),
      ],
      10,
    ),
    says: /reaches back/,
    isStricter: true,
  },
  'treeless literals in the first block': {
    blob: frame([compressed(huffmanLiterals(3, 1, 9, bits(9)), NO_SEQUENCES)]),
    says: /repeat a Huffman tree/,
  },
  'a tree of the frame before': {
    blob: Buffer.concat([
      frame([compressed(huffmanLiterals(2, 1, 9, Buffer.concat([TWO_SYMBOLS, bits(9)])), NO_SEQUENCES)]),
      frame([compressed(huffmanLiterals(3, 1, 9, bits(9)), NO_SEQUENCES)]),
    ]),
    says: /repeat a Huffman tree/,
  },
  'a tree whose code is not complete': {
    blob: frame([
      compressed(
        huffmanLiterals(2, 1, 9, Buffer.concat([Uint8Array.of(130, 0x33, 0x10), bits(9)])),
        NO_SEQUENCES,
      ),
    ]),
    says: /Huffman tree/,
  },
  'a tree without its longest code': {
    blob: frame([
      compressed(huffmanLiterals(2, 1, 9, Buffer.concat([Uint8Array.of(128, 0x20), bits(9)])), NO_SEQUENCES),
    ]),
    says: /Huffman tree/,
  },
  'a stream with a bit too many': {
    blob: frame([compressed(huffmanLiterals(2, 1, 9, Buffer.concat([TWO_SYMBOLS, bits(10)])), NO_SEQUENCES)]),
    says: /Huffman stream/,
  },
  'a stream with a bit too few': {
    blob: frame([compressed(huffmanLiterals(2, 1, 9, Buffer.concat([TWO_SYMBOLS, bits(8)])), NO_SEQUENCES)]),
    says: /Huffman stream/,
  },
  'a jump table that leads past the literals': {
    blob: frame([
      compressed(
        huffmanLiterals(
          2,
          4,
          40,
          Buffer.concat([TWO_SYMBOLS, Buffer.alloc(6, 0xff), ...[1, 2, 3, 4].map(() => bits(10))]),
        ),
        NO_SEQUENCES,
      ),
    ]),
    says: /Huffman stream/,
  },
  'an FSE table of 2^20 states': {
    blob: frame([compressed(rawLiterals('x'), Buffer.from([1, 0b10_00_00_00, 0x0f, 0, 0, 0, 1]))]),
    says: /FSE table/,
  },
  'a table that no block had': {
    blob: frame([compressed(rawLiterals('x'), Buffer.from([1, 0b11_00_00_00, 1, 1, 1]))]),
    says: /repeat an FSE table/,
  },
  'a literal length code that does not exist': { blob: coded({ literalLength: 36 }), says: /FSE table/ },
  'an offset code that does not exist': { blob: coded({ offset: 32 }), says: /FSE table/ },
  'a match length code that does not exist': { blob: coded({ matchLength: 53 }), says: /FSE table/ },
  'more literals than there are': { blob: coded({ literalLength: 3 }), says: /more literals/ },
  'a match that ends past the block': {
    blob: coded({
      offset: 0,
      matchLength: 52,
      extra: [
        [0, 65_535, 0],
        [0, 0, 0],
      ],
      literalLength: 1,
    }),
    says: /more output/,
  },
  'bits left after the last sequence': {
    blob: frame([
      BEFORE,
      compressed(
        rawLiterals('xy'),
        Buffer.from([1, 0b01_01_01_00, 2, 2, 0]),
        backwardBits([
          [1, 2],
          [5, 3],
        ]),
      ),
    ]),
    says: /last bit/,
    isStricter: true,
  },
  'a sequence without its bits': {
    blob: frame([BEFORE, compressed(rawLiterals('xy'), Buffer.from([1, 0b01_01_01_00, 2, 20, 0, 1]))]),
    says: /last bit|reaches back/,
  },
  'bytes after no sequences': {
    blob: frame([compressed(rawLiterals('x'), Buffer.from([0, 0]))]),
    says: /sequences section/,
  },
  'no sequences section': { blob: frame([compressed(rawLiterals('x'))]), says: /sequences section/ },
  'literals that end past the block': {
    blob: frame([compressed(Buffer.from([0xf8, 1]))]),
    says: /literals section/,
  },
  'a block larger than the window': { blob: frame([raw(noise(1025))], 10), says: /got a block of 1025/ },
  'an RLE block larger than 128 KiB': { blob: frame([rle(0, 131_073)]), says: /got a block of 131073/ },
  'no last block': { blob: frame([BEFORE, BEFORE]).subarray(0, -19), says: /cut short/ },
  'a skippable frame cut short': { blob: skippable(Buffer.alloc(10)).subarray(0, -1), says: /cut short/ },
  'three bytes after the last frame': {
    blob: Buffer.concat([frame([BEFORE]), Buffer.from('28b52f', 'hex')]),
    says: /cut short/,
  },
};

describe('blocks that no compressor writes', () => {
  it.each(Object.entries(READ))('are read as zstd reads them: %s', (_, { blob, output }) => {
    expect(scan(blob).output).toEqual(Buffer.from(output));
    expect(scan(blob, { chunkSize: 1 }).output).toEqual(Buffer.from(output));
    expect(decompressZstd(blob)).toEqual(Buffer.from(output));
  });

  it.each(Object.entries(REFUSED))('are refused: %s', (_, { blob, says, isStricter }) => {
    expect(refusal(blob)).toMatch(says);
    expect(refusal(blob, 1)).toMatch(says);
    if (!isStricter) expect(decompressZstd(blob)).toBeUndefined();
    expect(scan(match('xy', 0)).output.toString()).toBe('abcdefghijklmnopxyyyy');
  });

  it('are refused when too many of them put out nothing', () => {
    const empty = Array.from({ length: 65_537 }, () => raw(Buffer.alloc(0)));
    expect(refusal(frame([...empty.slice(1), BEFORE]))).toBeUndefined();
    expect(refusal(frame([...empty, BEFORE]))).toMatch(/blocks in a row are empty/);
  });

  it('are refused when RLE blocks put out more than 64 GiB', { timeout: 120_000 }, () => {
    const block = Buffer.alloc(4);
    block.writeUIntLE((131_072 << 3) | 2, 0, 3);
    const bomb = Buffer.concat([frame([]), Buffer.alloc(4 * 560_000, block)]);
    let size = 0;
    const pass = new ZstdScan(new ZstdEngine(), {
      onOutput: (_, start, end) => {
        size += end - start;
      },
      onCheckpoint() {},
    });
    expect(() => pass.push(bomb)).toThrow(/more than 64 GiB/);
    expect(size).toBeLessThan(67 * 2 ** 30);
  });
});
