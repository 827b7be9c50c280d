import type { Tree } from '../tree.js';

/** A name of the tree, and where it leads. */
export interface TreeStep {
  inode: number;
  /** From the root; of the start as the caller gave it. Views of the tree: copy what is kept. */
  names: readonly Uint8Array[];
  depth: number; // directories below the start; of the start itself 0
}

export interface WalkOptions {
  /** Names of a directory: in the order of the layers' data, or by their bytes. Default: data. */
  order?: 'data' | 'name' | undefined;
  /** Whether to visit what is below a directory. Default: always. */
  descends?: ((step: TreeStep) => boolean) | undefined;
}

/** A directory whose children are being visited. */
interface OpenDirectory {
  step: TreeStep;
  next: number; // index in `dentries`, or a dentry
  end: number;
  dentries: Uint32Array | undefined; // sorted; undefined: in data order
}

/**
 * Visits a file, or a directory and every name below it, parents first. Hard links are visited once
 * a name, symlinks are not followed. Memory grows with depth, not with the number of names: each
 * name costs one step object.
 * @param start an inode of the tree with its names
 */
export function* walkTree(
  tree: Tree,
  start: { inode: number; names: readonly Uint8Array[] },
  { order = 'data', descends = () => true }: WalkOptions = {},
): Generator<TreeStep, void, undefined> {
  const open: OpenDirectory[] = []; // from the top down
  const enter = (step: TreeStep) => {
    if (tree.kind(step.inode) !== 'dir' || !descends(step)) return;
    const [first, end] = [tree.childStart(step.inode), tree.childEnd(step.inode)];
    if (order === 'data') open.push({ step, next: first, end, dentries: undefined });
    else open.push({ step, next: 0, end: end - first, dentries: sortedDentries(tree, first, end) });
  };
  const root = { ...start, depth: 0 };
  yield root;
  enter(root);
  for (let last = open.at(-1); last; last = open.at(-1)) {
    if (last.next === last.end) {
      open.pop();
      continue;
    }
    const at = last.next++;
    const dentry = last.dentries?.[at] ?? at;
    const { names, depth } = last.step;
    const step = {
      inode: tree.dentryInode(dentry),
      names: [...names, tree.dentryName(dentry)],
      depth: depth + 1,
    };
    yield step;
    enter(step);
  }
}

/**
 * Returns dentries `first` to `end - 1`, by the bytes of their names: `LC_ALL=C ls`. Texts of one
 * byte a character compare as the bytes do, three times as fast (100,000 names: 0.1 s, measured).
 */
export function sortedDentries(tree: Tree, first: number, end: number): Uint32Array {
  const dentries = Uint32Array.from({ length: end - first }, (_, i) => first + i);
  const texts = Array.from(dentries, (dentry) => {
    const name = tree.dentryName(dentry);
    return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
  });
  // The names of a directory differ.
  return dentries.sort((a, b) => (texts[a - first]! < texts[b - first]! ? -1 : 1));
}
