import { unsupported } from '../../base/errors.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '../tree.js';
import { forEachHidden, type HiddenEntry, mergeSeeingHidden } from './hidden-entries.js';

/** Maximum hidden entries and directories above them: each takes 500 bytes (measured). */
export const HIDDEN_MAX = 1_000_000;

/** An entry that was at the path once. */
export type HiddenVersion = Omit<HiddenEntry, 'names'>;

/** A path at or below which something is hidden. */
export interface HiddenNode {
  name: Uint8Array; // of the root empty
  versions: HiddenVersion[]; // the one that was hidden last comes first
  children: Map<string, HiddenNode> | undefined; // by `nameKey`
  /** Only in what one layer hides: a directory remains at the path, in that layer's view. */
  remains?: boolean;
}

/**
 * Returns everything that upper layers hide or replace, by path, in one merge.
 * @param layers base first
 * @returns the root; only directories that hide something, or were hidden, have nodes
 * @param entriesMax hidden entries and directories above them
 * @throws LayerslayerError as mergeLayers; UNSUPPORTED past `entriesMax`
 */
export function hiddenTree(layers: readonly NumberedLayer[], entriesMax = HIDDEN_MAX): HiddenNode {
  const { root, add } = newTree(entriesMax);
  forEachHidden(layers, add);
  return root;
}

/**
 * Returns what the last layer hides or replaces of the others, by path.
 * @param layers base first
 * @throws LayerslayerError as `hiddenTree`
 */
export function hiddenByLast(layers: readonly NumberedLayer[], entriesMax = HIDDEN_MAX): HiddenNode {
  const { root, add } = newTree(entriesMax);
  const last = layers.at(-1)?.number;
  const tree = mergeSeeingHidden(layers, (entry) => {
    if (entry.hiddenBy === last) add(entry);
  });
  markRemaining(root, tree);
  return root;
}

function markRemaining(root: HiddenNode, tree: Tree): void {
  const ahead = [{ node: root, directory: ROOT_INODE }];
  for (let at = ahead.pop(); at; at = ahead.pop()) {
    at.node.remains = true;
    for (const node of at.node.children?.values() ?? []) {
      const directory = tree.lookup(at.directory, node.name);
      if (directory !== 0 && tree.kind(directory) === 'dir') ahead.push({ node, directory });
    }
  }
}

/** @throws LayerslayerError UNSUPPORTED past `entriesMax`, from `add` */
function newTree(entriesMax: number): { root: HiddenNode; add(hidden: HiddenEntry): void } {
  const root = nodeOf(new Uint8Array(0));
  let count = 0;
  const checkCount = () => {
    if (++count > entriesMax) throw unsupported(`upper layers hide more than ${entriesMax} entries`);
  };
  const add = ({ names, ...version }: HiddenEntry) => {
    checkCount();
    let node = root;
    for (const name of names) {
      node.children ??= new Map();
      const key = nameKey(name);
      let child = node.children.get(key);
      if (!child) {
        checkCount();
        child = nodeOf(name);
        node.children.set(key, child);
      }
      node = child;
    }
    node.versions.unshift(version);
  };
  return { root, add };
}

/** @param names from the node on */
export function hiddenAt(node: HiddenNode, names: readonly Uint8Array[]): HiddenNode | undefined {
  let at: HiddenNode | undefined = node;
  for (const name of names) at = at?.children?.get(nameKey(name));
  return at;
}

/** Key of a name in `children`. */
export function nameKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
}

function nodeOf(name: Uint8Array): HiddenNode {
  return { name, versions: [], children: undefined };
}
