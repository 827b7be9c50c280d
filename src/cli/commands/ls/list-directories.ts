import { nameKey } from '../../../overlay/history/hidden-tree.js';
import type { Tree } from '../../../overlay/tree.js';
import { directoryNamed, isDirectory, type ListedRow, rowsOf } from './listed-row.js';
import type { LsListing } from './ls-listing.js';
import type { ShownDirectory } from './operands.js';

const SLASH = Buffer.from('/');

export interface ListDirectoriesOptions {
  tree: Tree;
  isRecursive: boolean;
  hasHeadings: boolean;
  sort(rows: ListedRow[]): ListedRow[];
}

/** A directory whose turn comes later. Its paths are made then: a level may have many. */
interface Subdirectory extends Pick<ShownDirectory, 'inode' | 'hidden'> {
  parent: ShownDirectory;
  name: Uint8Array;
}

/**
 * Lists directories, and with `isRecursive` those below each, parents first. Memory grows with the
 * names of one directory and the directories on the way to it, not with the names of the image.
 */
export async function listDirectories(
  listing: Pick<LsListing, 'block'>,
  directories: readonly ShownDirectory[],
  { tree, isRecursive, hasHeadings, sort }: ListDirectoriesOptions,
): Promise<void> {
  for (const start of directories) {
    const ahead: (ShownDirectory | Subdirectory)[] = [start]; // a stack
    for (let next = ahead.pop(); next; next = ahead.pop()) {
      const directory = 'parent' in next ? shownSubdirectory(next) : next;
      const rows = sort(rowsOf(tree, directory.inode, directory.hidden));
      const heading = hasHeadings ? directory.heading : undefined;
      await listing.block(heading, rows, ({ name }) => [...directory.names, name]);
      if (!isRecursive) continue;
      // One by one: a call takes some 100,000 arguments at most.
      for (const below of subdirectories(tree, directory, rows).reverse()) ahead.push(below);
    }
  }
}

/** Returns the directories of a directory's rows, each name once. */
function subdirectories(tree: Tree, parent: ShownDirectory, rows: readonly ListedRow[]): Subdirectory[] {
  const { hidden } = parent;
  if (!hidden)
    return rows.filter(isDirectory).map(({ name, at }) => ({ parent, name, inode: at, hidden: undefined }));
  const byKey = new Map<string, Subdirectory>();
  for (const row of rows) {
    const { name } = row;
    const key = nameKey(name);
    if (!isDirectory(row) || byKey.has(key)) continue;
    const inode = directoryNamed(tree, parent.inode, name);
    byKey.set(key, { parent, name, inode, hidden: hidden.children?.get(key) });
  }
  return [...byKey.values()];
}

function shownSubdirectory({ parent, name, inode, hidden }: Subdirectory): ShownDirectory {
  const isSlashed = parent.heading.at(-1) === SLASH[0];
  const heading = Buffer.concat([parent.heading, isSlashed ? Buffer.alloc(0) : SLASH, name]);
  return { heading, names: [...parent.names, name], inode, hidden };
}
