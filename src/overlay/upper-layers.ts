import type { EntryTable } from '../index/entry-table.js';
import { ENTRY_KINDS } from '../tar/entry.js';
import { DIRECTORY, type DraftTree, NONE } from './draft-tree.js';
import { LayerTree } from './layer-tree.js';
import { mergeBytes, type NumberedLayer } from './merge.js';
import { childKey, keyOf } from './path-components.js';
import { type PathTree, type Resolved, resolvePath } from './resolve-path.js';
import { type InodeKind, ROOT_INODE } from './tree.js';
import { isShownName } from './whiteout.js';

/** Layers with one tree: mostly a single one. */
interface Stratum {
  layers: readonly NumberedLayer[]; // base first
  tree: LayerTree;
}

/** What the layers have at a path. */
interface Node {
  parent: number;
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
 * then stands where something else seemed to be. Such a layer is merged together with those below
 * it. Until the target is there, they count as unknown.
 */
export class UpperLayers implements PathTree {
  readonly #strata: Stratum[] = []; // top first
  #pending: NumberedLayer[] = []; // base first; below the strata, with open hard links
  #pendingMax = 0; // layers at which they are merged again: each time twice as many
  #isWhole: boolean;
  #nodes: Node[] = []; // by number, from ROOT_INODE
  /** By key: the node's number; if there is none, minus the number of strata searched. */
  readonly #found = new Map<string, number>();

  /**
   * @param layers base first, the top one last
   * @param isWhole there are no lower layers
   * @throws LayerslayerError UNSUPPORTED as mergeLayers
   */
  constructor(layers: readonly NumberedLayer[], isWhole: boolean) {
    this.#isWhole = isWhole && layers.length === 0;
    for (const [i, layer] of layers.toReversed().entries())
      this.add(layer, isWhole && i === layers.length - 1);
  }

  /** Returns a view of the same layers, to which others can be added. */
  copy(): UpperLayers {
    const copy = new UpperLayers([], this.#isWhole);
    copy.#strata.push(...this.#strata);
    copy.#pending = [...this.#pending];
    copy.#pendingMax = this.#pendingMax;
    return copy;
  }

  /**
   * Adds the next lower layer. Numbers of inodes are void then.
   * @param isWhole there are none below it
   * @throws LayerslayerError UNSUPPORTED as mergeLayers
   */
  add(layer: NumberedLayer, isWhole: boolean): void {
    this.#isWhole = isWhole;
    this.#forget();
    this.#pending.unshift(layer);
    if (!isWhole && this.#pending.length < this.#pendingMax) return;
    const layers = this.#pending;
    const tree = this.#treeOf(layers);
    if (tree.hasOpenLinks && !isWhole) {
      this.#pendingMax = layers.length * 2;
      return;
    }
    this.#strata.push({ layers, tree });
    this.#pending = [];
    this.#pendingMax = 0;
  }

  /** Takes more rows of the lowest layer, which is still being read. Voids inode numbers. */
  extend(entries: EntryTable): void {
    const { tree, layers } = this.#strata.pop()!;
    const layer = { entries, number: layers[0]!.number };
    tree.extend(entries);
    this.#forget();
    if (tree.hasOpenLinks && !this.#isWhole) this.#pending = [layer];
    else this.#strata.push({ layers: [layer], tree });
  }

  /** False: layers below the upper ones are known, but not what they say. */
  get isCertain(): boolean {
    return this.#pending.length === 0;
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

  parentOf(inode: number): number {
    return this.#node(inode).parent;
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
    return this.#nodes.push({ parent, key, inodes, depth: Math.min(depth, contents) }) - 1;
  }

  #treeOf(layers: readonly NumberedLayer[]): LayerTree {
    const table = layers[0]!.entries;
    const known = layers.length === 1 ? layerTrees.get(table) : undefined;
    if (known) return known;
    const tables = [...layers, ...this.#strata.flatMap((stratum) => stratum.layers)];
    const spentBytes = this.#strata.reduce((sum, { tree }) => sum + tree.draft.spentBytes, 0);
    const tree = new LayerTree(layers, mergeBytes(tables.map(({ entries }) => entries)) - spentBytes);
    if (layers.length === 1) layerTrees.set(table, tree);
    return tree;
  }

  #forget(): void {
    this.#nodes = [];
    this.#found.clear();
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
      this.#nodes[ROOT_INODE] = { parent: ROOT_INODE, key: '', inodes, depth };
    }
    return this.#nodes[number]!;
  }
}
