import { textOfBytes } from '../../base/text/raw-text.js';
import type { ImageFiles } from '../../image/opened-image.js';
import type { ImagePath } from '../files.js';
import { Entry } from './attributes.js';

/** Entries read from a tree at once. */
const PAGE = 1_000;

const SLASH = Buffer.from('/');

/** A directory under way. */
interface OpenDirectory {
  path: Uint8Array;
  entries: Iterator<Entry>;
}

/** Yields the entries of a directory. @throws LayerslayerError as `ImageFiles` */
export function* directoryEntries(files: ImageFiles, path: ImagePath): Generator<Entry, void> {
  const parent = textOfBytes(files.stat(path).path);
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const { entries, next } = files.readdir(path, { cursor, limit: PAGE });
    for (const entry of entries) yield new Entry(entry, parent);
    cursor = next;
  }
}

/**
 * Yields the entries below a directory, each directory before its entries. Does not follow
 * symlinks. An image may have more levels than calls can be nested.
 * @throws LayerslayerError as `ImageFiles`
 */
export function* entriesBelow(files: ImageFiles, path: ImagePath): Generator<Entry, void> {
  const levels: OpenDirectory[] = [];
  const enter = (directory: Uint8Array) => {
    levels.push({ path: directory, entries: directoryEntries(files, directory) });
  };
  enter(files.stat(path).path);
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    const { done, value: entry } = level.entries.next();
    if (done) levels.pop();
    else {
      yield entry;
      if (entry.isDirectory()) enter(childPath(level.path, entry.nameBytes));
    }
  }
}

function childPath(parent: Uint8Array, name: Uint8Array): Uint8Array {
  return parent.length === 1 ? Buffer.concat([SLASH, name]) : Buffer.concat([parent, SLASH, name]);
}
