/** Deflate streams made bit by bit (RFC 1951): what no compressor writes. */

/** A number of `length` bits, lowest bit first, as deflate packs everything but codes. */
export type Field = readonly [value: number, length: number];

export function packBits(fields: readonly Field[]): Uint8Array {
  const total = fields.reduce((sum, [, length]) => sum + length, 0);
  const bytes = new Uint8Array(Math.ceil(total / 8));
  let at = 0;
  for (const [value, length] of fields) {
    for (let i = 0; i < length; i++, at++) bytes[at >> 3]! |= ((value >> i) & 1) << (at & 7);
  }
  return bytes;
}

/** A code word: its first bit comes first, so it is stored highest bit first. */
export function code(word: number, length: number): Field {
  let reversed = 0;
  for (let i = 0; i < length; i++) reversed |= ((word >> i) & 1) << (length - 1 - i);
  return [reversed, length];
}

export const FINAL: Field = [1, 1];
export const NOT_FINAL: Field = [0, 1];
export const FIXED: Field = [1, 2];

/** The canonical code of each symbol (3.2.2); undefined for symbols of length 0. */
export function canonicalCodes(lengths: readonly number[]): (Field | undefined)[] {
  const next = new Map<number, number>();
  let word = 0;
  for (let length = 1; length <= 15; length++) {
    word = (word + lengths.filter((l) => l === length - 1 && l > 0).length) << 1;
    next.set(length, word);
  }
  return lengths.map((length) => {
    if (length === 0) return undefined;
    const mine = next.get(length)!;
    next.set(length, mine + 1);
    return code(mine, length);
  });
}

/** A symbol of the fixed literal/length code (3.2.6). */
export function fixedSymbol(symbol: number): Field {
  const lengths = Array.from({ length: 288 }, (_, s) => (s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8));
  return canonicalCodes(lengths)[symbol]!;
}

/** The 19 precode lengths in the order in which they are stored (3.2.7). */
const PRECODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Header of a dynamic block up to the precode, with precode lengths by symbol; as few of them stored as can be. */
export function dynamicStart(
  litlenCount: number,
  distanceCount: number,
  precode: readonly number[],
): Field[] {
  const stored = PRECODE_ORDER.map((symbol) => precode[symbol] ?? 0);
  while (stored.length > 4 && stored.at(-1) === 0) stored.pop();
  return [
    [2, 2],
    [litlenCount - 257, 5],
    [distanceCount - 1, 5],
    [stored.length - 4, 4],
    ...stored.map((length): Field => [length, 3]),
  ];
}

/** A precode in which every length from 0 to 15 is a word of four bits: no repeats. */
const PLAIN_PRECODE: readonly number[] = Array.from({ length: 16 }, () => 4);

/** Header of a dynamic block with these code lengths, right or wrong. */
export function dynamicHeader(litlen: readonly number[], distance: readonly number[]): Field[] {
  return [
    ...dynamicStart(litlen.length, distance.length, PLAIN_PRECODE),
    ...[...litlen, ...distance].map((length) => code(length, 4)),
  ];
}
