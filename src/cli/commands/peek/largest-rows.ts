import type { EntryTable } from '../../../index/entry-table.js';

/** Returns all rows of a layer: the largest files first, then the rest; alike ones as archived. */
export function largestRows(entries: EntryTable): Uint32Array {
  // Anything but a file comes after the empty files.
  const sizes = new Float64Array(entries.length).fill(-1);
  const rows = new Uint32Array(entries.length);
  for (let row = 0; row < entries.length; row++) {
    rows[row] = row;
    if (entries.kind(row) === 'file') sizes[row] = entries.size(row);
  }
  return rows.sort((a, b) => sizes[b]! - sizes[a]! || a - b);
}
