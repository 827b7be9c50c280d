/** A range of a file: `[start, end)`, bytes. */
export interface DataRange {
  start: number;
  end: number;
}

/**
 * Returns the ranges in which either of two files has data, ascending. The others are holes of
 * both: zeros. A hostile file has 8 EiB of them.
 * @param size logical bytes of both files
 * @param some,others segments as `EntryTable.sparse`; undefined: all is data
 */
export function* dataRanges(
  size: number,
  some: Float64Array | undefined,
  others: Float64Array | undefined,
): Generator<DataRange, void, undefined> {
  if (!some || !others) {
    yield { start: 0, end: size };
    return;
  }
  const [left, right] = [new Segments(some), new Segments(others)];
  let range: DataRange | undefined;
  for (let next = first(left, right); next; next = first(left, right)) {
    const { start, end } = next.take();
    if (range && start <= range.end) range.end = Math.max(range.end, end);
    else {
      if (range) yield range;
      range = { start, end };
    }
  }
  if (range) yield range;
}

/** The segments of one file that are left. */
class Segments {
  #at = 0;

  constructor(private readonly pairs: Float64Array) {}

  get start(): number {
    return this.pairs[this.#at] ?? Number.POSITIVE_INFINITY;
  }

  take(): DataRange {
    const [start, length] = [this.pairs[this.#at]!, this.pairs[this.#at + 1]!];
    this.#at += 2;
    return { start, end: start + length };
  }
}

/** @returns undefined if both have ended */
function first(left: Segments, right: Segments): Segments | undefined {
  const next = left.start <= right.start ? left : right;
  return Number.isFinite(next.start) ? next : undefined;
}
