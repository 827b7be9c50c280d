/*
 * Finds data and holes of a file (lseek(2)). `segments` is an `EntryTable.sparse`: offset, length,
 * offset, length, … of the data, ascending and not overlapping. Without one, all is data.
 */

/** Returns the first byte of data at or after `offset`; undefined if none follows. */
export function nextData(
  segments: Float64Array | undefined,
  size: number,
  offset: number,
): number | undefined {
  if (offset >= size) return undefined;
  if (!segments) return offset;
  const start = segments[2 * firstEndingAfter(segments, offset)];
  return start === undefined ? undefined : Math.max(offset, start);
}

/** Returns the first byte of a hole at or after `offset`, at most `size`; undefined at the end. */
export function nextHole(
  segments: Float64Array | undefined,
  size: number,
  offset: number,
): number | undefined {
  if (offset >= size) return undefined;
  if (!segments) return size;
  let at = offset;
  // Segments may touch.
  for (let i = firstEndingAfter(segments, offset); segments[2 * i]! <= at; i++) {
    at = segments[2 * i]! + segments[2 * i + 1]!;
  }
  return at;
}

/** Returns the number of the first segment with bytes after `offset`; their count if none has. */
export function firstEndingAfter(segments: Float64Array, offset: number): number {
  let low = 0;
  let high = segments.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[2 * middle]! + segments[2 * middle + 1]! > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
