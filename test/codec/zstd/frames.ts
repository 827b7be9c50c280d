/** zstd frames made by hand (RFC 8878): what no compressor writes. */

const MAGIC = Buffer.from('28b52ffd', 'hex');

/** Size of the windows that `windowed` frames declare: the least one. */
export const SMALL_WINDOW = 1024;

interface Block {
  type: number;
  size: number; // Block_Size
  bytes: Uint8Array;
}

export const raw = (bytes: Uint8Array): Block => ({ type: 0, size: bytes.length, bytes });
export const rle = (byte: number, size: number): Block => ({ type: 1, size, bytes: Uint8Array.of(byte) });
export const compressed = (...parts: Uint8Array[]): Block => {
  const bytes = Buffer.concat(parts);
  return { type: 2, size: bytes.length, bytes };
};

/** A frame without content size and checksum. @param windowLog 10 to 41 */
export function frame(blocks: readonly Block[], windowLog = 17): Buffer {
  const parts: Uint8Array[] = [MAGIC, Uint8Array.of(0, (windowLog - 10) << 3)];
  for (const [i, { type, size, bytes }] of blocks.entries()) {
    const header = Buffer.alloc(3);
    header.writeUIntLE((size << 3) | (type << 1) | (i === blocks.length - 1 ? 1 : 0), 0, 3);
    parts.push(header, bytes);
  }
  return Buffer.concat(parts);
}

export function skippable(bytes: Uint8Array, nibble = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + nibble, 0);
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** Literals as they are, at most 31, or one byte repeated. */
export const rawLiterals = (text: string): Uint8Array =>
  Buffer.concat([Uint8Array.of(text.length << 3), Buffer.from(text)]);
export const rleLiterals = (byte: number, count: number): Uint8Array => Uint8Array.of(1 | (count << 3), byte);

/**
 * Literals with a Huffman code, or with that of an earlier block. At most 1023, and as many bytes.
 * @param type 2: `bytes` begins with a tree; 3: treeless
 */
export function huffmanLiterals(type: 2 | 3, streams: 1 | 4, count: number, bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(3);
  const format = streams === 1 ? 0 : 1;
  header.writeUIntLE(type | (format << 2) | (count << 4) | (bytes.length << 14), 0, 3);
  return Buffer.concat([header, bytes]);
}

/** A tree of two symbols, the bytes 0 and 1, with codes of one bit. */
export const TWO_SYMBOLS = Uint8Array.of(128, 0x10);

/** A stream that is read from its end: `fields` are [value, bits] in the order of reading. */
export function backwardBits(fields: readonly (readonly [number, number])[]): Uint8Array {
  const bits: number[] = [];
  for (const [value, width] of fields.toReversed()) {
    for (let i = 0; i < width; i++) bits.push((value >>> i) & 1);
  }
  bits.push(1);
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) bytes[i >> 3]! |= bit << (i & 7);
  return bytes;
}

export interface CodedSequences {
  literalLength: number; // symbols of the three codes, the same for all sequences
  offset: number;
  matchLength: number;
  /** Extra bits of offset, match length and literal length of each sequence. */
  extra: readonly (readonly [number, number, number])[];
}

/** Extra bits of small symbols (3.1.1.3.2.1.1); offsets have as many as the symbol says. */
const literalBits = (symbol: number) => (symbol < 16 ? 0 : symbol < 20 ? 1 : symbol - 19);
const matchBits = (symbol: number) => (symbol < 32 ? 0 : symbol < 36 ? 1 : symbol - 36);

/** Sequences whose three tables are of a single symbol: no bits but the extra ones. */
export function sequences({ literalLength, offset, matchLength, extra }: CodedSequences): Uint8Array {
  const bits = extra.flatMap(
    ([first, second, third]) =>
      [
        [first, offset],
        [second, matchBits(matchLength)],
        [third, literalBits(literalLength)],
      ] as const,
  );
  return Buffer.concat([
    Uint8Array.of(extra.length, 0b01_01_01_00, literalLength, offset, matchLength),
    backwardBits(bits),
  ]);
}

export const NO_SEQUENCES = Uint8Array.of(0);
