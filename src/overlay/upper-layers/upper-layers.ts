import type { EntryTable } from '../../index/entry-table.js';
import { ENTRY_KINDS } from '../../tar/entry.js';
import { DIRECTORY, type DraftTree, NONE } from '../merge/draft-tree.js';
import { mergeBytes } from '../merge/merge.js';
import { childKey, keyOf } from '../path-components.js';
import { type PathTree, type Resolved, resolvePath } from '../resolve-path.js';
import { type InodeKind, type NumberedLayer, ROOT_INODE } from '../tree.js';
import { isShownName } from '../whiteout.js';
import { LayerTree } from './layer-tree.js';

/** Layers with one tree: mostly a single one. */
interface Stratum {
  layers: readonly NumberedLayer[]; // base first
  tree: LayerTree;
}

/** What the layers have at a path. */
interface Node {
  key: string; // of the path
  /** By stratum that has it: the draft inode. Of what is no directory only the one that counts. */
  inodes: ReadonlyMap<number, number>;
  /** Strata that its contents come from, from the top; OPEN: also layers that are not known. */
  depth: number;
}

const OPEN = Number.POSITIVE_INFINITY;

/** Trees of single layers, by their table: several views share them. */
const layerTrees = new WeakMap<EntryTable, LayerTree>();

/**
 * What the upper layers of an image say of its merged tree while the lower ones are not known. A
 * path is looked up stratum by stratum from the top, as overlayfs does, so that another layer below
 * costs one merge of that layer alone. The answers are the merge's: upper entries make directories
 * of whatever lower layers have in their way, and follow only symlinks of their own layer
 * (rule O5).
 *
 * But for one thing: a hard link whose target is not in its layer may have it in a lower one, and
 * then stands where something else seemed to be. Such a layer and those below it count as unknown
 * until all layers are known. Then they are merged together.
 */
export class UpperLayers implements PathTree {
  readonly #strata: Stratum[] = []; // top first
  readonly #isWhole: boolean;
  #nodes: Node[] = []; // by number, from ROOT_INODE
  /** By key: the node's number; if there is none, minus the number of strata searched. */
  readonly #found = new Map<string, number>();
  /** False: layers below the strata are known, but not what they say. */
  isCertain = true;

  /**
   * @param layers base first, the top one last
   * @param isWhole there are no lower layers
   * @throws LayerslayerError UNSUPPORTED as mergeLayers
   */
  constructor(layers: readonly NumberedLayer[], isWhole: boolean) {
    this.#isWhole = isWhole;
    for (let below = layers.length - 1; below >= 0 && this.isCertain; below--) {
      const one = layers.slice(below, below + 1);
      const tree = this.#treeOf(one);
      if (!tree.hasOpenLinks) this.#strata.push({ layers: one, tree });
      else if (!isWhole) this.isCertain = false;
      else {
        const rest = layers.slice(0, below + 1);
        this.#strata.push({ layers: rest, tree: this.#treeOf(rest) });
        return;
      }
    }
  }

  /** Takes more rows of the lowest layer, which is still being read. Voids inode numbers. */
  extend(entries: EntryTable): void {
    const { tree, layers } = this.#strata.pop()!;
    tree.extend(entries);
    this.#nodes = [];
    this.#found.clear();
    this.isCertain = this.#isWhole || !tree.hasOpenLinks;
    if (this.isCertain) this.#strata.push({ layers: [{ ...layers[0]!, entries }], tree });
  }

  resolve(path: readonly Uint8Array[]): Resolved {
    return resolvePath(this, path);
  }

  /** Whether layers that are not known may have what `resolve` found missing. */
  isOpen(missing: Resolved & { kind: 'missing' }): boolean {
    return !this.#isWhole && isShownName(missing.name) && this.#searched(missing) === OPEN;
  }

  /**
   * The topmost layer that hides what `resolve` found missing from all below it; undefined if none
   * is certain to.
   */
  hiddenBy(missing: Resolved & { kind: 'missing' }): number | undefined {
    const layers = this.#strata[this.#searched(missing) - 1]?.layers;
    return layers?.length === 1 ? layers[0]!.number : undefined;
  }

  lookup(parent: number, name: Uint8Array): number {
    const key = childKey(this.#node(parent).key, name);
    let found = this.#found.get(key);
    if (found === undefined) {
      found = this.#search(parent, key, name);
      this.#found.set(key, found);
    }
    return Math.max(0, found);
  }

  kind(inode: number): InodeKind {
    if (inode === ROOT_INODE) return 'dir';
    const { draft, at } = this.#origin(inode);
    return ENTRY_KINDS[draft.kinds[at]!] as InodeKind;
  }

  linkTarget(inode: number): Uint8Array {
    const { draft, at } = this.#origin(inode);
    return draft.linkTarget(at);
  }

  /**
   * The layer and row that an inode comes from; not for directories, whose attributes are not
   * merged.
   */
  entryOf(inode: number): { layer: NumberedLayer; row: number } {
    const { draft, at, layers } = this.#origin(inode);
    return { layer: layers[draft.layers[at]! - 1]!, row: draft.rows[at]! };
  }

  /** @returns the node's number, or less: see `#found` */
  #search(parent: number, key: string, name: Uint8Array): number {
    const directory = this.#node(parent);
    const inodes = new Map<number, number>();
    let { depth } = directory;
    let contents = OPEN;
    for (let i = 0; i < Math.min(depth, this.#strata.length); i++) {
      const { draft, whiteouts, opaque, closed } = this.#strata[i]!.tree;
      const own = directory.inodes.get(i);
      const dentry = own === undefined ? NONE : draft.findName(own, name);
      if (dentry !== NONE) {
        const inode = draft.dentryInodes[dentry]!;
        const isDirectory = draft.kinds[inode] === DIRECTORY;
        if (isDirectory || inodes.size === 0) inodes.set(i, inode);
        // What is no directory counts, or a directory above hides it: with all below it either way.
        if (!isDirectory || closed.has(inode)) depth = i + 1;
      }
      if (whiteouts.has(key)) depth = Math.min(depth, i + 1);
      // Lower layers still say that it is a directory.
      if (opaque.has(key)) contents = Math.min(contents, i + 1);
    }
    if (inodes.size === 0) return -depth;
    return this.#nodes.push({ key, inodes, depth: Math.min(depth, contents) }) - 1;
  }

  #treeOf(layers: readonly NumberedLayer[]): LayerTree {
    const table = layers[0]!.entries;
    const known = layers.length === 1 ? layerTrees.get(table) : undefined;
    if (known) return known;
    const all = [...layers, ...this.#strata.flatMap((stratum) => stratum.layers)];
    const spentBytes = this.#strata.reduce((sum, { tree }) => sum + tree.draft.spentBytes, 0);
    const tree = new LayerTree(layers, mergeBytes(all) - spentBytes);
    if (layers.length === 1) layerTrees.set(table, tree);
    return tree;
  }

  #searched({ names, name }: Resolved & { kind: 'missing' }): number {
    return -this.#found.get(childKey(keyOf(names), name))!;
  }

  #origin(number: number): { draft: DraftTree; at: number; layers: readonly NumberedLayer[] } {
    const [i, at] = this.#node(number).inodes.entries().next().value!;
    const { tree, layers } = this.#strata[i]!;
    return { draft: tree.draft, at, layers };
  }

  #node(number: number): Node {
    if (this.#nodes.length === 0) {
      const depth = this.#strata.findIndex(({ tree }) => tree.opaque.has('')) + 1 || OPEN;
      const inodes = new Map(this.#strata.map(({ tree }, i) => [i, tree.draft.root]));
      this.#nodes[ROOT_INODE] = { key: '', inodes, depth };
    }
    return this.#nodes[number]!;
  }
}
