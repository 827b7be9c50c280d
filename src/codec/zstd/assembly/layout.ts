/**
 * The instance's memory. What is here is static, about 1.3 MiB. Marks and bytes of the window, then
 * the ring of output follow it: ring.ts places them, as large as a frame's window wants.
 */

/** Most bytes of a block, compressed or not (RFC 8878, 3.1.1.2.3). */
export const BLOCK_MAX: u32 = 128 << 10;
/** Copies may write this far past their end, and read this far past their source. */
export const SLACK: u32 = 64;
/** Readers of backward streams may load this many bytes before the stream. */
const LEAD: usize = 32;

/** Compressed bytes: a block with its header always fits, and 255 KiB more. */
export const INPUT_SIZE: u32 = 384 << 10;
export const INPUT: usize = memory.data(32 + (384 << 10) + 64, 16) + LEAD;

export const LITERALS: usize = memory.data((128 << 10) + 64, 16);

/** A sequence: u32 literal length, u32 match length, u32 offset, u32 unused. */
export const SEQUENCE_SIZE: u32 = 16;
/** The shortest match has three bytes. */
export const SEQUENCES_MAX: u32 = (128 << 10) / 3;
export const SEQUENCES: usize = memory.data(((128 << 10) / 3) * 16, 16);

/** Decode tables of the three codes of sequences (u64 entries, fse-table.ts), and their width. */
export const LITERAL_LENGTH_LOG_MAX: u32 = 9;
export const OFFSET_LOG_MAX: u32 = 8;
export const MATCH_LENGTH_LOG_MAX: u32 = 9;
export const LITERAL_LENGTH_TABLE: usize = memory.data(512 << 3, 16);
export const OFFSET_TABLE: usize = memory.data(256 << 3, 16);
export const MATCH_LENGTH_TABLE: usize = memory.data(512 << 3, 16);
export const LITERAL_LENGTH_DEFAULT: usize = memory.data(64 << 3, 16);
export const OFFSET_DEFAULT: usize = memory.data(32 << 3, 16);
export const MATCH_LENGTH_DEFAULT: usize = memory.data(64 << 3, 16);

/** Decode table of the literals: u16 entries, symbol << 8 | code length. */
export const HUFFMAN_LOG: u32 = 11; // the longest code (4.2.1)
export const HUFFMAN_TABLE: usize = memory.data(2048 << 1, 16);
/** A weight for each symbol, and the decode table of FSE-compressed weights. */
export const WEIGHTS: usize = memory.data(256 + 16, 16);
export const WEIGHT_LOG_MAX: u32 = 6;
export const WEIGHT_TABLE: usize = memory.data(64 << 3, 16);

/** Scratch of the table builder: i16 counts and u16 next states by symbol, symbols by state. */
export const COUNTS: usize = memory.data(64 << 1, 16);
export const NEXT_STATES: usize = memory.data(64 << 1, 16);
export const SPREAD: usize = memory.data(512, 16);

/** Descriptions of the tables in use, as they stood in the stream (descriptions.ts). */
export const DESCRIPTION_SLOT: u32 = 256;
export const DESCRIPTIONS: usize = memory.data(4 * 256, 16);
/** Repeat offsets and descriptions of a checkpoint, on their way to the host or from it. */
export const SAVED_SIZE: u32 = 12 + 4 * 256;
export const SAVED: usize = memory.data(32 + 12 + 4 * 256 + 64, 16) + LEAD;

/** XXH64: four u64 lanes, and the bytes that wait for the rest of their stripe. */
export const XXH_LANES: usize = memory.data(32, 16);
export const XXH_REST: usize = memory.data(32, 16);
