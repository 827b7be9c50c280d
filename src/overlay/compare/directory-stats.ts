import type { Tree } from '../tree.js';
import type { TreeDifference } from './compare-trees.js';

/** What differs at and below a directory. */
export interface DirectoryStats {
  /** From the root; as in the differences. */
  names: readonly Uint8Array[];
  added: number; // entries
  removed: number;
  changed: number;
  errors: number; // files that could not be compared
  fromBytes: number; // of the files that differ, in the first tree; each inode once
  toBytes: number; // in the second tree
}

type Counts = Omit<DirectoryStats, 'names'>;

/** Directories below the start that have counts of their own. */
const STATS_DEPTH = 2;

/**
 * Sums differences by directory, as du(1) does: each directory up to STATS_DEPTH below the start,
 * after those below it, and the start last. Directories without differences are left out. Memory
 * does not grow with their number.
 * @param differences by name, as `compareTrees` yields them
 * @param start names of the start
 */
export function* directoryStats(
  differences: Iterable<TreeDifference>,
  { from, to }: { from: Tree; to: Tree },
  start: readonly Uint8Array[],
): Generator<DirectoryStats, void, undefined> {
  const open: DirectoryStats[] = [{ names: start, ...noCounts() }]; // from the start down
  const [fromSizes, toSizes] = [new FileSizes(from), new FileSizes(to)];
  const close = () => {
    const ended = open.pop()!;
    const parent = open.at(-1);
    if (parent) add(parent, ended);
    return ended;
  };
  for (const difference of differences) {
    const directory = difference.names.slice(0, -1);
    const known = commonLength(open.at(-1)!.names, directory);
    while (open.length > 1 && open.at(-1)!.names.length > known) yield close();
    for (
      let length = open.at(-1)!.names.length + 1;
      length <= Math.min(directory.length, start.length + STATS_DEPTH);
      length++
    )
      open.push({ names: directory.slice(0, length).map((name) => Uint8Array.from(name)), ...noCounts() });
    add(open.at(-1)!, countsOf(difference, fromSizes, toSizes));
  }
  while (open.length > 1) yield close();
  if (hasAny(open[0]!)) yield close();
}

function countsOf({ from, to, fields, error }: TreeDifference, a: FileSizes, b: FileSizes): Counts {
  const isPair = from !== 0 && to !== 0;
  const hasOtherBytes = !isPair || fields.includes('content') || fields.includes('kind');
  return {
    added: from === 0 ? 1 : 0,
    removed: to === 0 ? 1 : 0,
    changed: isPair && !error ? 1 : 0,
    errors: error ? 1 : 0,
    fromBytes: from !== 0 && hasOtherBytes ? a.take(from) : 0,
    toBytes: to !== 0 && hasOtherBytes ? b.take(to) : 0,
  };
}

const noCounts = (): Counts => ({ added: 0, removed: 0, changed: 0, errors: 0, fromBytes: 0, toBytes: 0 });

const hasAny = ({ added, removed, changed, errors }: Counts) => added + removed + changed + errors > 0;

function add(sum: Counts, more: Counts): void {
  for (const name of ['added', 'removed', 'changed', 'errors', 'fromBytes', 'toBytes'] as const)
    sum[name] += more[name];
}

/** The sizes of a tree's files, each given once: hard links are one file. */
class FileSizes {
  #taken: Uint8Array | undefined; // a bit an inode

  constructor(private readonly tree: Tree) {}

  take(inode: number): number {
    if (this.tree.kind(inode) !== 'file') return 0;
    if (this.tree.nlink(inode) > 1) {
      this.#taken ??= new Uint8Array((this.tree.inodeCount >> 3) + 1);
      const bit = 1 << (inode & 7);
      if ((this.#taken[inode >> 3]! & bit) !== 0) return 0;
      this.#taken[inode >> 3]! |= bit;
    }
    return this.tree.size(inode);
  }
}

function commonLength(some: readonly Uint8Array[], others: readonly Uint8Array[]): number {
  let length = 0;
  while (
    length < some.length &&
    length < others.length &&
    Buffer.compare(some[length]!, others[length]!) === 0
  )
    length++;
  return length;
}
