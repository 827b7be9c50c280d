/** The instance's memory, about 625 KiB. All is static, so the host's view of it stays valid. */

/** Symbols of a code (RFC 1951, 3.2.5, 3.2.6): 286, 287, 30 and 31 have no meaning. */
export const LITLEN_SYMBOLS: u32 = 288;
export const DISTANCE_SYMBOLS: u32 = 32;
export const PRECODE_SYMBOLS: u32 = 19;

/** Bits that index the first level of a decode table. 11 and 8 are fastest (measured). */
export const LITLEN_BITS: u32 = 11;
export const DISTANCE_BITS: u32 = 8;
export const PRECODE_BITS: u32 = 7; // the longest code there is: no second level

/** Entries (u32) of both levels, worst case by zlib's enough.c: 288 11 15, 32 8 15. */
export const LITLEN_TABLE: usize = memory.data(2342 << 2, 16);
export const DISTANCE_TABLE: usize = memory.data(402 << 2, 16);
export const PRECODE_TABLE: usize = memory.data(128 << 2, 16);

/** The part of each symbol's entry that does not depend on its code. */
export const LITLEN_TEMPLATES: usize = memory.data(288 << 2, 16);
export const DISTANCE_TEMPLATES: usize = memory.data(32 << 2, 16);
export const PRECODE_TEMPLATES: usize = memory.data(19 << 2, 16);

/** Code lengths of the block, a byte each: 286 + 30, then room for a repeat of 138 by 8. */
export const CODE_LENGTHS: usize = memory.data(512, 16);
/** Code lengths of the fixed codes (3.2.6): 288, then 32. */
export const FIXED_LENGTHS: usize = memory.data(320, 16);

/** Scratch of the table builder: symbols (u16) by code length, two u32 a length (0 to 15). */
export const SORTED_SYMBOLS: usize = memory.data(288 << 1, 16);
export const LENGTH_COUNTS: usize = memory.data(16 << 2, 16);
export const LENGTH_STARTS: usize = memory.data(16 << 2, 16);

/** For distances below 16: the shuffle that repeats the pattern, and how far it advances. */
export const REPEAT_SHUFFLES: usize = memory.data(16 << 4, 16);
export const REPEAT_STEPS: usize = memory.data(16, 16);

/** RFC 1951, 3.2.7: the order in which the lengths of the precode come. */
export const PRECODE_ORDER: usize = memory.data<u8>([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]);

/** How far back a match can reach (RFC 1951, 3.2.5), in bytes. */
export const WINDOW_SIZE: usize = 32768;

/** The window's bytes that are needed, and a flag for each byte of it (window-bytes.ts). */
export const WINDOW_BYTES: usize = memory.data(32768, 16);
export const WINDOW_KNOWN: usize = memory.data(32768, 16);

/** Compressed bytes. 256 KiB: fewer, larger copies bring nothing (measured). */
export const INPUT: usize = memory.data((256 << 10) + 64, 16);
export const INPUT_SIZE: usize = 256 << 10;
/** Zeros that the host writes after the last input byte: the decoder reads so far past it. */
export const INPUT_PADDING: usize = 64;

/** The last 32 KiB of output and 256 KiB more. `run` must end for V8 to optimise its code. */
export const OUTPUT: usize = memory.data((32 << 10) + (256 << 10) + 64, 16);
export const OUTPUT_ROOM: usize = 256 << 10;
