import type { Tree } from '../tree.js';
import { UsageColumns } from './usage-columns.js';

/** Group of the rows that are not by layer. */
export const ALL_LAYERS = 0;

export interface TreeUsageOptions {
  /** Rows of paths with at most so many names below their start. Default: all. */
  depth?: number | undefined;
  /** Rows of files too. Default: only of directories and of the starts. */
  files?: boolean | undefined;
  /** Groups are the numbers of layers that entries come from. Default: one group, ALL_LAYERS. */
  byLayer?: boolean | undefined;
}

/** A path that is asked for, as `findPaths` returns it. */
export interface UsageStart {
  inode: number;
  names: readonly Uint8Array[];
}

/**
 * Sums up the sizes of directories: the apparent sizes of all that is no directory, as `du -b`
 * gives them without the directories' own. Symlinks have the length of their target, devices and
 * fifos nothing. Each inode counts once, at the first name in data order, which is the order of a
 * mount's readdir. So du on a mount counts hard links at the same names. Entries are inodes, those
 * of directories too, as `du --inodes` counts them. Linear in the number of names.
 * @param starts one below another is skipped if that one comes first
 */
export function treeUsage(
  tree: Tree,
  starts: readonly UsageStart[],
  { depth: depthMax = Number.POSITIVE_INFINITY, files = false, byLayer = false }: TreeUsageOptions = {},
): UsageColumns {
  const columns = new UsageColumns();
  const isCounted = new Uint8Array(tree.inodeCount + 1);
  const count = (node: number, inode: number, isDirectory: boolean) => {
    isCounted[inode] = 1;
    const bytes = isDirectory ? 0 : tree.size(inode);
    columns.add(node, byLayer ? tree.layerOf(inode) : ALL_LAYERS, bytes, 1);
  };
  for (const { inode: start, names } of starts) {
    if (isCounted[start] === 1) continue;
    const open: OpenDirectory[] = []; // from the top down
    const enter = (node: number, inode: number) => {
      const isDirectory = tree.kind(inode) === 'dir';
      count(node, inode, isDirectory);
      if (isDirectory) open.push({ node, next: tree.childStart(inode), end: tree.childEnd(inode) });
    };
    enter(columns.addStart(names), start);
    for (let last = open.at(-1); last; last = open.at(-1)) {
      if (last.next === last.end) {
        open.pop();
        continue;
      }
      const dentry = last.next++;
      const inode = tree.dentryInode(dentry);
      if (isCounted[inode] === 1) continue;
      const hasRow = open.length <= depthMax && (files || tree.kind(inode) === 'dir');
      enter(hasRow ? columns.addNode(last.node, tree.dentryName(dentry)) : last.node, inode);
    }
  }
  columns.sumUp();
  return columns;
}

/** A directory whose children are being counted. */
interface OpenDirectory {
  node: number; // its own, or the nearest above it that has a row
  next: number; // dentry
  end: number;
}
