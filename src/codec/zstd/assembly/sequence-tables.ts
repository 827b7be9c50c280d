/** The three FSE tables of sequences (RFC 8878, 3.1.1.3.2.1), which blocks may repeat. */
import { FAULT_NO_TABLE, FAULT_TABLE } from '../zstd-codes';
import { describe } from './descriptions';
import { Counts, readCounts } from './fse-counts';
import { buildSingle, buildTable } from './fse-table';
import {
  COUNTS, LITERAL_LENGTH_DEFAULT, LITERAL_LENGTH_LOG_MAX, LITERAL_LENGTH_TABLE, MATCH_LENGTH_DEFAULT, MATCH_LENGTH_LOG_MAX,
  MATCH_LENGTH_TABLE, OFFSET_DEFAULT, OFFSET_LOG_MAX, OFFSET_TABLE,
} from './layout';
import { LITERAL_LENGTH, MATCH_LENGTH, OFFSET } from './symbol-values';

/** Symbol_Compression_Modes */
const PREDEFINED: u32 = 0;
const RLE: u32 = 1;
const FSE_COMPRESSED: u32 = 2;
const REPEAT: u32 = 3;

/** Symbols of each code. Offsets of 2^31 and more: the highest that a decoder must know. */
const LITERAL_LENGTH_SYMBOLS: u32 = 36;
const OFFSET_SYMBOLS: u32 = 32;
const MATCH_LENGTH_SYMBOLS: u32 = 53;

/** Tables in use; 0: none yet. */
export class Tables {
  static literalLength: usize = 0;
  static literalLengthLog: u32 = 0;
  static offset: usize = 0;
  static offsetLog: u32 = 0;
  static matchLength: usize = 0;
  static matchLengthLog: u32 = 0;
  static fault: i32 = 0;
}

export function forgetTables(): void {
  Tables.literalLength = 0;
  Tables.offset = 0;
  Tables.matchLength = 0;
}

/** The predefined distributions (3.1.1.3.2.2) as runs: a count, and of how many symbols. */
const LITERAL_LENGTH_RUNS: usize = memory.data<i8>([4, 1, 3, 1, 2, 11, 1, 3, 2, 9, 3, 1, 2, 1, 1, 5, -1, 4]);
const OFFSET_RUNS: usize = memory.data<i8>([1, 6, 2, 3, 1, 15, -1, 5]);
const MATCH_LENGTH_RUNS: usize = memory.data<i8>([1, 1, 4, 1, 3, 1, 2, 6, 1, 37, -1, 7]);

/** Fills COUNTS with `symbols` counts. */
function setCounts(runs: usize, symbols: u32): void {
  for (let symbol: u32 = 0; symbol < symbols; runs += 2) {
    const end = symbol + load<u8>(runs, 1);
    while (symbol < end) store<i16>(COUNTS + (symbol++ << 1), load<i8>(runs));
  }
}

/** Builds the predefined tables; once an instance. The offsets' has no symbols above 28. */
export function prepareDefaults(): void {
  setCounts(LITERAL_LENGTH_RUNS, LITERAL_LENGTH_SYMBOLS);
  buildTable(LITERAL_LENGTH_DEFAULT, 6, LITERAL_LENGTH_SYMBOLS, LITERAL_LENGTH);
  setCounts(OFFSET_RUNS, 29);
  buildTable(OFFSET_DEFAULT, 5, 29, OFFSET);
  setCounts(MATCH_LENGTH_RUNS, MATCH_LENGTH_SYMBOLS);
  buildTable(MATCH_LENGTH_DEFAULT, 6, MATCH_LENGTH_SYMBOLS, MATCH_LENGTH);
}

function fail(code: i32): usize {
  Tables.fault = -code;
  return 0;
}

/** @returns the address after the table's description; 0: Tables.fault says why */
export function readTable(mode: u32, kind: u32, at: usize, end: usize): usize {
  if (kind == LITERAL_LENGTH) {
    if (mode == REPEAT) return Tables.literalLength != 0 ? at : fail(FAULT_NO_TABLE);
    Tables.literalLength = mode == PREDEFINED ? LITERAL_LENGTH_DEFAULT : LITERAL_LENGTH_TABLE;
    Tables.literalLengthLog = 6;
    at = build(mode, kind, LITERAL_LENGTH_TABLE, LITERAL_LENGTH_LOG_MAX, LITERAL_LENGTH_SYMBOLS, at, end);
    if (mode != PREDEFINED) Tables.literalLengthLog = Counts.log;
  } else if (kind == OFFSET) {
    if (mode == REPEAT) return Tables.offset != 0 ? at : fail(FAULT_NO_TABLE);
    Tables.offset = mode == PREDEFINED ? OFFSET_DEFAULT : OFFSET_TABLE;
    Tables.offsetLog = 5;
    at = build(mode, kind, OFFSET_TABLE, OFFSET_LOG_MAX, OFFSET_SYMBOLS, at, end);
    if (mode != PREDEFINED) Tables.offsetLog = Counts.log;
  } else {
    if (mode == REPEAT) return Tables.matchLength != 0 ? at : fail(FAULT_NO_TABLE);
    Tables.matchLength = mode == PREDEFINED ? MATCH_LENGTH_DEFAULT : MATCH_LENGTH_TABLE;
    Tables.matchLengthLog = 6;
    at = build(mode, kind, MATCH_LENGTH_TABLE, MATCH_LENGTH_LOG_MAX, MATCH_LENGTH_SYMBOLS, at, end);
    if (mode != PREDEFINED) Tables.matchLengthLog = Counts.log;
  }
  return at;
}

/** Builds a table that is not predefined, of Counts.log, and stores its description. */
function build(
  mode: u32, kind: u32, table: usize, logMax: u32, symbolsMax: u32, at: usize, end: usize,
): usize {
  let next = at;
  if (mode == RLE) {
    if (at >= end || <u32>load<u8>(at) >= symbolsMax) return fail(FAULT_TABLE);
    buildSingle(table, load<u8>(at), kind);
    Counts.log = 0;
    next = at + 1;
  } else if (mode == FSE_COMPRESSED) {
    next = readCounts(at, end, logMax, symbolsMax);
    if (next == 0) return fail(FAULT_TABLE);
    buildTable(table, Counts.log, Counts.symbols, kind);
  }
  describe(kind, mode, at, <u32>(next - at));
  return next;
}
