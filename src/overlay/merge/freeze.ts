import { garbageMade } from '../../base/process/garbage.js';
import { MergedTree } from '../merged-tree.js';
import { ROOT_INODE } from '../tree.js';
import { DIRECTORY, type DraftTree, NONE } from './draft-tree.js';

/** Bytes to order an inode and to sort a dentry. */
const ORDERING_BYTES = 25;
const SORTING_BYTES = 24;

/**
 * Returns the finished tree of a draft: only what the root reaches, numbered in data order.
 *
 * An entry's key is its draft inode, which ascends by layer and row. A directory's key is the least
 * key of all below it. Inodes are numbered by key; of equal keys directories come first, the one
 * nearer to the root before the other. So a directory comes just before the first data below it.
 * Dentries are listed by inode within their directory. All sorts are counting sorts: linear time,
 * whatever order a hostile layer has.
 */
export function freeze(draft: DraftTree, layerNumbers: readonly number[]): MergedTree {
  const byKey = inodesByKey(draft);
  garbageMade(draft.inodeCount * ORDERING_BYTES);
  const count = byKey.length;
  const numbers = new Uint32Array(draft.inodeCount); // final inode of a draft inode, 0 when not reached
  for (let rank = 0; rank < count; rank++) numbers[byKey[rank]!] = rank + ROOT_INODE;

  const dentries = sortedDentries(draft, numbers, count);
  garbageMade(draft.dentryCount * SORTING_BYTES);
  const inodes = new Uint32Array(dentries.length);
  const nlinks = new Uint32Array(count + 1);
  const parents = new Uint32Array(count + 1);
  const childStarts = new Uint32Array(count + 2);
  const kinds = gathered(new Uint8Array(count + 1), draft.kinds, byKey, ROOT_INODE);
  // Each directory is a name in its parent, and `.` in itself.
  for (let inode = ROOT_INODE; inode <= count; inode++) nlinks[inode] = kinds[inode] === DIRECTORY ? 2 : 0;
  parents[ROOT_INODE] = ROOT_INODE;
  for (let i = 0; i < dentries.length; i++) {
    const parent = numbers[draft.dentryParents[dentries[i]!]!]!;
    const inode = numbers[draft.dentryInodes[dentries[i]!]!]!;
    inodes[i] = inode;
    childStarts[parent + 1]!++;
    if (parents[inode] === 0) parents[inode] = parent;
    // A subdirectory's `..` is one more name of its parent.
    nlinks[kinds[inode] === DIRECTORY ? parent : inode]!++;
  }
  for (let inode = 1; inode < childStarts.length; inode++) childStarts[inode]! += childStarts[inode - 1]!;

  return new MergedTree(
    {
      tables: draft.tables,
      layerNumbers,
      kinds,
      layers: gathered(new Uint16Array(count + 1), draft.layers, byKey, ROOT_INODE),
      rows: gathered(new Int32Array(count + 1), draft.rows, byKey, ROOT_INODE),
      nlinks,
      parents,
    },
    {
      childStarts,
      inodes,
      nameHeaps: gathered(new Uint16Array(dentries.length), draft.nameHeaps, dentries, 0),
      nameStarts: gathered(new Uint32Array(dentries.length), draft.nameStarts, dentries, 0),
      nameLengths: gathered(new Uint8Array(dentries.length), draft.nameLengths, dentries, 0),
      heaps: draft.finishedHeaps(),
    },
  );
}

/** Returns the draft inodes reachable from the root, in the order of their final numbers. */
function inodesByKey(draft: DraftTree): Int32Array {
  const children = new ChildLists(draft);
  const reached = reachedInodes(draft, children);
  const keys = dataKeys(draft, children, reached);
  return sortedBy(directoriesFirst(draft, reached), keys, draft.inodeCount);
}

/** The children of each draft directory, in the order their names were made. */
class ChildLists {
  readonly starts: Int32Array;
  readonly inodes: Int32Array;

  constructor(draft: DraftTree) {
    this.starts = new Int32Array(draft.inodeCount + 1);
    const next = new Int32Array(draft.inodeCount);
    let count = 0;
    for (let dentry = 0; dentry < draft.dentryCount; dentry++) {
      if (draft.dentryInodes[dentry] === NONE) continue;
      this.starts[draft.dentryParents[dentry]! + 1]!++;
      count++;
    }
    for (let inode = 0; inode < draft.inodeCount; inode++) {
      next[inode] = this.starts[inode]!;
      this.starts[inode + 1]! += this.starts[inode]!;
    }
    this.inodes = new Int32Array(count);
    for (let dentry = 0; dentry < draft.dentryCount; dentry++) {
      const inode = draft.dentryInodes[dentry]!;
      if (inode !== NONE) this.inodes[next[draft.dentryParents[dentry]!]!++] = inode;
    }
  }
}

/** Draft inodes below the root, each once, parents before children. */
function reachedInodes(draft: DraftTree, children: ChildLists): Int32Array {
  const order = new Int32Array(draft.inodeCount);
  const seen = new Uint8Array(draft.inodeCount);
  let count = 0;
  order[count++] = draft.root;
  for (let at = 0; at < count; at++) {
    const directory = order[at]!;
    if (draft.kinds[directory] !== DIRECTORY) continue;
    const end = children.starts[directory + 1]!;
    for (let i = children.starts[directory]!; i < end; i++) {
      const inode = children.inodes[i]!;
      if (seen[inode] === 1) continue;
      seen[inode] = 1;
      order[count++] = inode;
    }
  }
  return order.subarray(0, count);
}

/** A file may be nearer to the root than a directory of the same key. */
function directoriesFirst(draft: DraftTree, reached: Int32Array): Int32Array {
  const sorted = new Int32Array(reached.length);
  let count = 0;
  for (const inode of reached) if (draft.kinds[inode] === DIRECTORY) sorted[count++] = inode;
  for (const inode of reached) if (draft.kinds[inode] !== DIRECTORY) sorted[count++] = inode;
  return sorted;
}

/** Each inode starts as its own key: a hard link's other directory may come much earlier. */
function dataKeys(draft: DraftTree, children: ChildLists, reached: Int32Array): Int32Array {
  const keys = new Int32Array(draft.inodeCount);
  for (const inode of reached) keys[inode] = inode;
  for (let at = reached.length - 1; at >= 0; at--) {
    const directory = reached[at]!;
    const start = children.starts[directory]!;
    const end = children.starts[directory + 1]!;
    // An empty directory has no data to be near to: it stays at its own position.
    if (draft.kinds[directory] !== DIRECTORY || start === end) continue;
    let least = draft.inodeCount;
    for (let i = start; i < end; i++) least = Math.min(least, keys[children.inodes[i]!]!);
    keys[directory] = least;
  }
  return keys;
}

/** Visible dentries by directory, then by inode, then by age. */
function sortedDentries(draft: DraftTree, numbers: Uint32Array, inodeCount: number): Int32Array {
  const visible = new Int32Array(draft.dentryCount);
  const inodes = new Int32Array(draft.dentryCount);
  const parents = new Int32Array(draft.dentryCount);
  let count = 0;
  for (let dentry = 0; dentry < draft.dentryCount; dentry++) {
    const inode = draft.dentryInodes[dentry]!;
    const parent = numbers[draft.dentryParents[dentry]!]!;
    if (inode === NONE || parent === 0) continue;
    visible[count++] = dentry;
    inodes[dentry] = numbers[inode]!;
    parents[dentry] = parent;
  }
  const byInode = sortedBy(visible.subarray(0, count), inodes, inodeCount + 1);
  return sortedBy(byInode, parents, inodeCount + 1);
}

/** Stable counting sort of `items` by `keys[item]`, each below `keyLimit`. */
function sortedBy(items: Int32Array, keys: Int32Array, keyLimit: number): Int32Array {
  const starts = new Int32Array(keyLimit + 1);
  for (const item of items) starts[keys[item]! + 1]!++;
  for (let key = 0; key < keyLimit; key++) starts[key + 1]! += starts[key]!;
  const sorted = new Int32Array(items.length);
  for (const item of items) sorted[starts[keys[item]!]!++] = item;
  return sorted;
}

/** Copies the elements `order` of a column to `into`, from index `start`. */
function gathered<C extends Uint8Array | Uint16Array | Int32Array | Uint32Array>(
  into: C,
  column: C,
  order: Int32Array,
  start: number,
): C {
  for (let i = 0; i < order.length; i++) into[i + start] = column[order[i]!]!;
  return into;
}
