/** Bytes of the longest row. A longer line is cut into several. */
export const ROW_MAX = 2_000;

/** Bytes of the longest UTF-8 sequence: a cut waits no longer for its end. */
const SEQUENCE_MAX = 4;

const NEWLINE = 0x0a;

/**
 * The rows of a text that start in a chunk of it. A row is a line, or a part of a long one. What
 * stands before the first start belongs to the last row of the chunk before.
 */
export interface ChunkRows {
  starts: Uint32Array; // offset in the chunk; its length, if the next chunk begins with a line
  lines: Uint32Array; // newlines in the chunk before the start
  newlines: number;
  /** Whether row `index` begins a line, and not a part of one. */
  isLine(index: number): boolean;
}

/** Returns the rows of a chunk. They depend on no other chunk. */
export function chunkRows(
  chunk: Uint8Array,
  { isFirst, isLast }: { isFirst: boolean; isLast: boolean },
): ChunkRows {
  const starts: number[] = [];
  const lines: number[] = [];
  const begins: boolean[] = [];
  let newlines = 0;
  let start = 0;
  const push = (offset: number, isLine: boolean) => {
    starts.push(offset);
    lines.push(newlines);
    begins.push(isLine);
    start = offset;
  };
  if (isFirst) push(0, true);
  for (let at = 0; at < chunk.length; at++) {
    const length = at + 1 - start;
    if (chunk[at] === NEWLINE) {
      newlines++;
      if (at + 1 < chunk.length || !isLast) push(at + 1, true);
    } else if (length >= ROW_MAX && at + 1 < chunk.length && chunk[at + 1] !== NEWLINE) {
      const isCut = (chunk[at + 1]! & 0xc0) !== 0x80 || length >= ROW_MAX + SEQUENCE_MAX;
      if (isCut) push(at + 1, false);
    }
  }
  return {
    starts: Uint32Array.from(starts),
    lines: Uint32Array.from(lines),
    newlines,
    isLine: (index) => begins[index]!,
  };
}
