import { type ChunkRows, chunkRows } from './chunk-rows.js';
import { CHUNK_SIZE, type FileChunks } from './file-chunks.js';

/** Bytes of a row before one was read. */
const ROW_GUESS = 60;

/** Rows beside the run that are read by continuing it. Farther ones begin another run. */
const NEAR_ROWS = 1_000;

/** Chunks of the longest run, 256 MiB: its tables stay in memory. */
const RUN_CHUNKS_MAX = 2_048;

/** A row of a text: a line, or a part of a long one. */
export interface TextRow {
  offset: number; // of its first byte
  length: number; // bytes, with the newline
  isLine: boolean; // false: it continues a line
  line: number | undefined; // from 1; undefined: the lines before were not counted
}

/**
 * The rows of a text of any size of which a part is read: adjacent chunks, the run. The numbers of
 * rows before and after it are estimated from their mean length. Lines are counted in a run that
 * begins with the file.
 */
export class LineRun {
  #tables: ChunkRows[] = [];
  #rowsBefore: number[] = []; // rows of the run before each table
  #newlinesBefore: number[] = [];
  #rows = 0; // of the run
  #first = 0; // the chunk that the run begins with
  #base = 0; // number of the run's first row

  constructor(readonly chunks: FileChunks) {}

  /** Rows of the file, estimated unless the run reaches its end. */
  get count(): number {
    return Math.max(
      1,
      this.#base + this.#rows + Math.ceil((this.chunks.size - this.#endOffset) / this.#mean),
    );
  }

  /** Whether all rows are known. */
  get isWhole(): boolean {
    return this.#first === 0 && this.#endOffset === this.chunks.size;
  }

  /** Returns a row if it is known. */
  row(index: number): TextRow | undefined {
    const at = index - this.#base;
    if (at < 0 || at >= this.#rows) return undefined;
    const number = this.#tableOf(at);
    const table = this.#tables[number]!;
    const inTable = at - this.#rowsBefore[number]!;
    const offset = this.#startOf(at);
    const end = at + 1 < this.#rows ? this.#startOf(at + 1) : this.#endOffset;
    const line = this.#newlinesBefore[number]! + table.lines[inTable]! + 1;
    return {
      offset,
      length: end - offset,
      isLine: table.isLine(inTable),
      line: this.#first === 0 ? line : undefined,
    };
  }

  /**
   * Reads one chunk towards the given rows.
   * @param end the row after the last
   * @returns rows by which what is visible has moved; undefined if all rows are known
   * @throws ApiError; AbortError
   */
  async reach(first: number, end: number): Promise<number | undefined> {
    const runEnd = this.#base + this.#rows;
    const isEndKnown = end <= runEnd || this.#endOffset === this.chunks.size;
    if (this.chunks.size === 0 || (first >= this.#base && isEndKnown && this.#tables.length > 0))
      return undefined;
    const isFull = this.#tables.length >= RUN_CHUNKS_MAX;
    if (this.#tables.length > 0 && !isFull) {
      if (first < this.#base && first >= this.#base - NEAR_ROWS) return await this.#prepend();
      if (first >= this.#base && first <= runEnd + NEAR_ROWS) return await this.#append();
    }
    return await this.#jump(first, end);
  }

  get #endOffset(): number {
    return Math.min(this.chunks.size, (this.#first + this.#tables.length) * CHUNK_SIZE);
  }

  get #mean(): number {
    if (this.#rows === 0) return ROW_GUESS;
    return Math.max(1, (this.#endOffset - this.#first * CHUNK_SIZE) / this.#rows);
  }

  get #lastChunk(): number {
    return Math.ceil(this.chunks.size / CHUNK_SIZE) - 1;
  }

  async #append(): Promise<number> {
    const table = await this.#read(this.#first + this.#tables.length);
    this.#set(this.#first, [...this.#tables, table]);
    return 0;
  }

  async #prepend(): Promise<number> {
    const table = await this.#read(this.#first - 1);
    const added = table.starts.length;
    const before = this.#base;
    this.#set(this.#first - 1, [table, ...this.#tables]);
    this.#base = this.#first === 0 ? 0 : Math.max(1, before - added);
    return this.#base + added - before;
  }

  /** Begins another run. */
  async #jump(first: number, end: number): Promise<number> {
    const { count } = this;
    const isEnd = end >= count && first > 0;
    const offset = isEnd ? this.chunks.size - 1 : this.#estimatedOffset(first);
    const number = Math.floor(offset / CHUNK_SIZE);
    const table = await this.#read(number);
    this.#set(number, [table]);
    const rows = table.starts.length;
    if (number === 0) this.#base = 0;
    else if (isEnd) this.#base = Math.max(1, count - rows);
    else this.#base = Math.max(1, first - rowAt(table, offset - number * CHUNK_SIZE));
    if (isEnd) return this.count - count;
    return this.#base + rowAt(table, offset - number * CHUNK_SIZE) - first;
  }

  async #read(number: number): Promise<ChunkRows> {
    const chunk = await this.chunks.load(number);
    return chunkRows(chunk, { isFirst: number === 0, isLast: number === this.#lastChunk });
  }

  #set(first: number, tables: ChunkRows[]): void {
    this.#first = first;
    this.#tables = tables;
    this.#rowsBefore = [];
    this.#newlinesBefore = [];
    this.#rows = 0;
    let newlines = 0;
    for (const table of tables) {
      this.#rowsBefore.push(this.#rows);
      this.#newlinesBefore.push(newlines);
      this.#rows += table.starts.length;
      newlines += table.newlines;
    }
  }

  #estimatedOffset(row: number): number {
    const before = this.#first * CHUNK_SIZE;
    const offset =
      row < this.#base
        ? (row / this.#base) * before
        : this.#endOffset + (row - this.#base - this.#rows) * this.#mean;
    return Math.max(0, Math.min(this.chunks.size - 1, Math.floor(offset)));
  }

  /** @param at a row of the run */
  #startOf(at: number): number {
    const number = this.#tableOf(at);
    const start = this.#tables[number]!.starts[at - this.#rowsBefore[number]!]!;
    return (this.#first + number) * CHUNK_SIZE + start;
  }

  /** Returns the table that a row of the run is in. */
  #tableOf(at: number): number {
    let low = 0;
    let high = this.#tables.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#rowsBefore[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Returns the first row of a table that starts at or after an offset in its chunk. */
function rowAt({ starts }: ChunkRows, offset: number): number {
  const found = starts.findIndex((start) => start >= offset);
  return found === -1 ? Math.max(0, starts.length - 1) : found;
}
