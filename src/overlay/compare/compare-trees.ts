import type { LayerslayerError } from '../../base/errors.js';
import type { Tree } from '../tree.js';
import { walkTree } from '../walk/walk-tree.js';
import { type DifferentField, differentFields, type TreeInode } from './different-fields.js';

export type { DifferentField, TreeInode } from './different-fields.js';

/** A name that the trees do not have alike. */
export interface TreeDifference {
  /** As the caller gave the start, and from there. Views of a tree: copy what is kept. */
  names: readonly Uint8Array[];
  from: number; // inode of the first tree; 0: added
  to: number; // inode of the second tree; 0: removed
  /** What differs between the two; empty if one is missing. */
  fields: readonly DifferentField[];
  /** Why their contents could not be compared. */
  error?: LayerslayerError | undefined;
}

/** Whether two files have the same bytes, or why that is not known. */
export type ContentAnswer = 'equal' | 'different' | LayerslayerError;

export interface CompareTreesOptions {
  times: boolean; // whether modification times count
  /** Returns whether two inodes are the same entry of one layer, which makes them equal. */
  isSame(from: number, to: number): boolean;
  /** Compares two files of the same size. */
  content(from: number, to: number): ContentAnswer;
  /** Skips what only one tree has: for a first pass that wants the calls of `content` only. */
  pairsOnly?: boolean | undefined;
}

/** Two directories of one name whose children are being compared. */
interface OpenPair {
  names: readonly Uint8Array[];
  to: number; // the second one's inode
  left: Uint32Array; // dentries of the first tree that must be compared, by name
  right: Uint32Array; // dentries of the second tree whose names the first one lacks, by name
  nextLeft: number;
  nextRight: number;
}

/**
 * Compares two trees from a start on, name by name. Yields differences in the order of the names'
 * bytes, parents first. An entry that only one tree has comes with all below it. Calls `content`
 * in the same order whenever it is called with the same trees.
 *
 * Takes time by the number of entries, and memory by the depth and the directories' width.
 * @param a first tree and its start; inode 0: missing
 * @param b second tree and its start; inode 0: missing
 * @param start names of the differences begin with them
 */
export function* compareTrees(
  a: TreeInode,
  b: TreeInode,
  start: readonly Uint8Array[],
  options: CompareTreesOptions,
): Generator<TreeDifference, void, undefined> {
  const open: OpenPair[] = []; // from the top down
  function* compare(from: number, to: number, names: () => readonly Uint8Array[]) {
    const fromKind = from === 0 ? undefined : a.tree.kind(from);
    const toKind = to === 0 ? undefined : b.tree.kind(to);
    if (fromKind && toKind) {
      const found = options.isSame(from, to) ? undefined : compareInodes(a, b, { from, to }, options);
      if (found) yield { names: names(), from, to, ...found };
    }
    if (fromKind === 'dir' && toKind === 'dir')
      open.push(openPair(a.tree, b.tree, { from, to }, names(), options));
    else if (!options.pairsOnly) {
      if (fromKind && (!toKind || fromKind === 'dir')) yield* onlyIn(a.tree, from, names(), 'from', !toKind);
      if (toKind && (!fromKind || toKind === 'dir')) yield* onlyIn(b.tree, to, names(), 'to', !fromKind);
    }
  }
  yield* compare(a.inode, b.inode, () => start);
  for (let last = open.at(-1); last; last = open.at(-1)) {
    const { names } = last;
    const left = last.left[last.nextLeft];
    const right = last.right[last.nextRight];
    if (left === undefined && right === undefined) {
      open.pop();
      continue;
    }
    const leftName = left === undefined ? undefined : a.tree.dentryName(left);
    const rightName = right === undefined ? undefined : b.tree.dentryName(right);
    if (leftName && !(rightName && Buffer.compare(rightName, leftName) < 0)) {
      last.nextLeft++;
      const to = b.tree.lookup(last.to, leftName);
      yield* compare(a.tree.dentryInode(left!), to, () => [...names, leftName]);
    } else {
      last.nextRight++;
      yield* compare(0, b.tree.dentryInode(right!), () => [...names, rightName!]);
    }
  }
}

/** @returns undefined if they are equal */
function compareInodes(
  a: TreeInode,
  b: TreeInode,
  { from, to }: { from: number; to: number },
  { times, content }: CompareTreesOptions,
): Pick<TreeDifference, 'fields' | 'error'> | undefined {
  const fields = differentFields({ tree: a.tree, inode: from }, { tree: b.tree, inode: to }, times);
  let error: LayerslayerError | undefined;
  const isSized = a.tree.kind(from) === 'file' && a.tree.size(from) > 0 && !fields.includes('size');
  if (isSized && !fields.includes('kind')) {
    const answer = content(from, to);
    if (answer === 'different') fields.push('content');
    else if (answer !== 'equal') error = answer;
  }
  return fields.length === 0 && !error ? undefined : { fields, error };
}

/** Finds the names of two directories that must be compared: not those of shared entries. */
function openPair(
  a: Tree,
  b: Tree,
  { from, to }: { from: number; to: number },
  names: readonly Uint8Array[],
  { isSame, pairsOnly }: CompareTreesOptions,
): OpenPair {
  const left: number[] = [];
  const right: number[] = [];
  let both = 0;
  for (let dentry = a.childStart(from); dentry < a.childEnd(from); dentry++) {
    const inode = a.dentryInode(dentry);
    const other = b.lookup(to, a.dentryName(dentry));
    if (other !== 0) both++;
    else if (pairsOnly) continue;
    if (other === 0 || a.kind(inode) === 'dir' || !isSame(inode, other)) left.push(dentry);
  }
  const isEach = both === b.childEnd(to) - b.childStart(to);
  for (let dentry = b.childStart(to); dentry < b.childEnd(to) && !isEach && !pairsOnly; dentry++) {
    if (a.lookup(from, b.dentryName(dentry)) === 0) right.push(dentry);
  }
  return { names, to, left: byName(a, left), right: byName(b, right), nextLeft: 0, nextRight: 0 };
}

function byName(tree: Tree, dentries: readonly number[]): Uint32Array {
  return Uint32Array.from(dentries).sort((x, y) => Buffer.compare(tree.dentryName(x), tree.dentryName(y)));
}

/** @param withItself false: only what is below it */
function* onlyIn(
  tree: Tree,
  inode: number,
  names: readonly Uint8Array[],
  side: 'from' | 'to',
  withItself: boolean,
): Generator<TreeDifference, void, undefined> {
  for (const step of walkTree(tree, { inode, names }, { order: 'name' })) {
    if (step.depth === 0 && !withItself) continue;
    yield { names: step.names, from: 0, to: 0, [side]: step.inode, fields: [] };
  }
}
