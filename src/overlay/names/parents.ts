import type { NameTable } from '../../index/entry-table.js';
import { PlainPath } from './plain-path.js';
import { rowsOfLength } from './row-search.js';

const SLASH = 0x2f;

/** `./` before a path and `/` after it. */
const DECORATION_LENGTH = 3;

/**
 * Yields the rows that make a directory, or one that holds it, something else: a symlink, a file.
 * @param directory without slashes at its ends; empty: the root, which is always a directory
 */
export function* nonDirectoriesAbove(table: NameTable, directory: Uint8Array): Generator<number, void> {
  if (directory.length === 0) return;
  const lengths = [directory.length];
  for (let at = 1; at < directory.length; at++) if (directory[at] === SLASH) lengths.push(at);
  const path = new PlainPath(table.pathHeap);
  for (const row of rowsOfLength(table, lengths, DECORATION_LENGTH)) {
    path.read(table.pathStart(row), table.pathEnd(row));
    if (path.relationTo(directory) === 'above' && table.kind(row) !== 'dir') yield row;
  }
}
