import type { Tree } from '../tree.js';
import { sortedDentries, type TreeStep } from './walk-tree.js';

/** A directory whose children are being visited. */
interface OpenDirectory {
  step: TreeStep;
  dentries: Uint32Array; // sorted by name
  next: number; // index in them
}

/**
 * A walk that can stop, and go on from there in another request. Names are sorted by their bytes,
 * parents come first. A place in the tree is the index of each name on the way: the same tree has
 * the same places.
 */
export class PagedWalk {
  readonly #open: OpenDirectory[] = [];

  /**
   * @param start a directory; it is not visited itself
   * @param depth names that a path has below the start, 1 or more
   * @param after `place` of the entry before the first one; default: from the beginning
   */
  constructor(
    private readonly tree: Tree,
    start: { inode: number; names: readonly Uint8Array[] },
    private readonly depth: number,
    after: readonly number[] = [],
  ) {
    let step: TreeStep = { ...start, depth: 0 };
    this.#enter(step);
    for (const at of after) {
      const open = this.#open.at(-1);
      if (!open || at >= open.dentries.length) return;
      step = this.#stepTo(open, at);
      open.next = at + 1;
      this.#enterIfDeep(step); // below the last one comes next
    }
  }

  /** The place of the entry that was visited last. */
  get place(): number[] {
    const indexes = this.#open.map(({ next }) => next - 1);
    // A directory that was entered, and of which nothing was visited, is the last entry itself.
    while (indexes.at(-1) === -1) indexes.pop();
    return indexes;
  }

  /** Returns the next entry, undefined after the last. */
  next(): TreeStep | undefined {
    for (let open = this.#open.at(-1); open; open = this.#open.at(-1)) {
      if (open.next === open.dentries.length) {
        this.#open.pop();
        continue;
      }
      const step = this.#stepTo(open, open.next++);
      this.#enterIfDeep(step);
      return step;
    }
    return undefined;
  }

  #stepTo({ step, dentries }: OpenDirectory, at: number): TreeStep {
    const dentry = dentries[at]!;
    const names = [...step.names, this.tree.dentryName(dentry)];
    return { inode: this.tree.dentryInode(dentry), names, depth: step.depth + 1 };
  }

  #enterIfDeep(step: TreeStep): void {
    if (step.depth < this.depth && this.tree.kind(step.inode) === 'dir') this.#enter(step);
  }

  #enter(step: TreeStep): void {
    const dentries = sortedChildren(this.tree, step.inode);
    if (dentries.length > 0) this.#open.push({ step, dentries, next: 0 });
  }
}

/** Names of a directory from which it is worth to keep them sorted: 5 ms (measured). */
const KEPT_MIN = 10_000;

/** By tree: the sorted dentries of its large directories, for the next page. */
const kept = new WeakMap<Tree, Map<number, Uint32Array>>();

function sortedChildren(tree: Tree, directory: number): Uint32Array {
  const [first, end] = [tree.childStart(directory), tree.childEnd(directory)];
  if (end - first < KEPT_MIN) return sortedDentries(tree, first, end);
  const ofTree = kept.get(tree) ?? new Map<number, Uint32Array>();
  kept.set(tree, ofTree);
  const known = ofTree.get(directory) ?? sortedDentries(tree, first, end);
  ofTree.set(directory, known);
  return known;
}
