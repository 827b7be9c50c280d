import { ROOT_INODE, type Tree } from '../../overlay/tree.js';

/**
 * What each directory of a tree has below it, by inode. Other inodes have no sums. An inode with
 * several names counts once in each directory, as in `du`.
 */
export interface TreeSums {
  bytes: Float64Array; // of all that is no directory
  entries: Uint32Array; // inodes, those of directories and its own too
  /** By inode, one more than inodes: where its layers begin. */
  layerStarts: Uint32Array;
  layers: Uint16Array; // ascending numbers of the layers that files below come from
}

/** Sums up all directories of a tree. Linear in its names, but for inodes with several. */
export function treeSums(tree: Tree): TreeSums {
  const { inodeCount } = tree;
  const bytes = new Float64Array(inodeCount + 1);
  const entries = new Uint32Array(inodeCount + 1);
  const sets: (Set<number> | undefined)[] = new Array(inodeCount + 1);
  const { order, parents, links } = directoriesOf(tree);
  const count = (directory: number, inode: number) => {
    bytes[directory]! += tree.size(inode);
    entries[directory]! += 1;
    if (tree.kind(inode) === 'file') sets[directory]!.add(tree.layerOf(inode));
  };
  for (const directory of order) {
    entries[directory]! += 1;
    sets[directory] = new Set();
    for (let dentry = tree.childStart(directory); dentry < tree.childEnd(directory); dentry++) {
      const inode = tree.dentryInode(dentry);
      if (tree.kind(inode) !== 'dir' && !links.has(inode)) count(directory, inode);
    }
  }
  for (const [inode, directories] of links) {
    for (const directory of directories) count(directory, inode);
    for (const directory of meetings(directories, parents)) {
      bytes[directory]! -= tree.size(inode);
      entries[directory]! -= 1;
    }
  }
  for (const directory of order.toReversed()) {
    if (directory === ROOT_INODE) continue;
    const parent = parents[directory]!;
    bytes[parent]! += bytes[directory]!;
    entries[parent]! += entries[directory]!;
    for (const layer of sets[directory]!) sets[parent]!.add(layer);
  }
  return { bytes, entries, ...joinedLayers(sets, inodeCount) };
}

interface Directories {
  order: number[]; // parents first
  parents: Uint32Array; // by directory
  /** By inode with several names: the directories that have one, each once. */
  links: Map<number, Set<number>>;
}

function directoriesOf(tree: Tree): Directories {
  const parents = new Uint32Array(tree.inodeCount + 1);
  const links = new Map<number, Set<number>>();
  const order = [ROOT_INODE];
  for (let at = 0; at < order.length; at++) {
    const directory = order[at]!;
    for (let dentry = tree.childStart(directory); dentry < tree.childEnd(directory); dentry++) {
      const inode = tree.dentryInode(dentry);
      if (tree.kind(inode) === 'dir') {
        parents[inode] = directory;
        order.push(inode);
      } else if (tree.nlink(inode) > 1) {
        links.set(inode, (links.get(inode) ?? new Set()).add(directory));
      }
    }
  }
  return { order, parents, links };
}

/**
 * Yields the directories where the ways to the root meet, once for each way but the first: what
 * counts in all of the given directories counts there once too often.
 */
function* meetings(directories: ReadonlySet<number>, parents: Uint32Array): Generator<number> {
  const seen = new Set<number>();
  for (const directory of directories) {
    let at = directory;
    for (; !seen.has(at) && at !== ROOT_INODE; at = parents[at]!) seen.add(at);
    if (at === ROOT_INODE && !seen.has(at))
      seen.add(at); // the first way
    else yield at;
  }
}

function joinedLayers(
  sets: readonly (ReadonlySet<number> | undefined)[],
  inodeCount: number,
): Pick<TreeSums, 'layerStarts' | 'layers'> {
  const layerStarts = new Uint32Array(inodeCount + 2);
  for (let inode = 0; inode <= inodeCount; inode++)
    layerStarts[inode + 1] = layerStarts[inode]! + (sets[inode]?.size ?? 0);
  const layers = new Uint16Array(layerStarts[inodeCount + 1]!);
  for (let inode = ROOT_INODE; inode <= inodeCount; inode++) {
    const set = sets[inode];
    if (set) layers.set(Uint16Array.from(set).sort(), layerStarts[inode]!);
  }
  return { layerStarts, layers };
}
