import type { EntryTable } from '../../index/entry-table.js';
import { DIRECTORY, type DraftTree, NONE } from '../merge/draft-tree.js';
import { draftSteps, mergeLayers } from '../merge/merge.js';
import type { HidingWay, MergeObserver } from '../merge/merge-observer.js';
import type { NumberedLayer, Tree } from '../tree.js';

/** A name that the layers below `hiddenBy` show, and that layer does not, or otherwise. */
export interface HiddenEntry {
  layer: number; // that the entry comes from
  entries: EntryTable; // of that layer
  row: number;
  names: readonly Uint8Array[]; // from the root
  hiddenBy: number;
  how: HidingWay;
}

/**
 * Yields everything that upper layers hide or replace, layer by layer from the base, in one merge,
 * which continues as the caller asks for more.
 * Omits directories that only get other attributes, and directories that no entry names. Within a
 * layer the order is that of the tree below it: the children of a directory in data order, then
 * what is below each.
 * @param layers base first
 * @throws LayerslayerError as mergeLayers
 */
export function* hiddenEntries(layers: readonly NumberedLayer[]): Generator<HiddenEntry> {
  let observer: HiddenEntries | undefined;
  const observe = (draft: DraftTree) => {
    observer = new HiddenEntries(draft, layers);
    return observer;
  };
  for (const number of draftSteps(layers, { observe })) yield* observer!.hiddenBy(number);
}

/** Visits what `hiddenEntries` yields. @throws LayerslayerError as mergeLayers */
export function forEachHidden(layers: readonly NumberedLayer[], visit: (hidden: HiddenEntry) => void): void {
  for (const hidden of hiddenEntries(layers)) visit(hidden);
}

/**
 * Returns the merged tree, and visits what `hiddenEntries` yields, in the same merge.
 * @throws LayerslayerError as mergeLayers
 */
export function mergeSeeingHidden(
  layers: readonly NumberedLayer[],
  visit: (hidden: HiddenEntry) => void,
): Tree {
  const observe = (draft: DraftTree): MergeObserver => {
    const observer = new HiddenEntries(draft, layers);
    return {
      taken: (...args) => observer.taken(...args),
      layerDone(number) {
        for (const hidden of observer.hiddenBy(number)) visit(hidden);
      },
    };
  };
  return mergeLayers(layers, { observe });
}

/** A directory before a layer, and the one of the same name after it: NONE if there is none. */
interface Pair {
  directory: number;
  counterpart: number;
  names: readonly Uint8Array[];
  how: HidingWay; // what took the directory's children
}

/** Compares the tree before and after each layer. Only names that the layer took can differ. */
class HiddenEntries implements MergeObserver {
  #before: LowerTree;
  /** By dentry that the layer took: the marker that counts. */
  readonly #taken = new Map<number, HidingWay>();

  constructor(
    private readonly draft: DraftTree,
    private readonly layers: readonly NumberedLayer[],
  ) {
    this.#before = new LowerTree(draft);
  }

  taken(dentry: number, _inode: number, how: HidingWay): void {
    if (!this.#before.has(dentry)) return;
    // An opaque marker below a whiteout may come first.
    if (how === 'whiteout' || !this.#taken.has(dentry)) this.#taken.set(dentry, how);
  }

  /** Called after a layer: yields what it hides. */
  *hiddenBy(number: number): Generator<HiddenEntry> {
    yield* this.#compare(number);
    this.#taken.clear();
    this.#before = new LowerTree(this.draft);
  }

  *#compare(hiddenBy: number): Generator<HiddenEntry> {
    const before = this.#before;
    const { draft } = this;
    const touched = before.waysTo(this.#taken.keys());
    const how = before.root === draft.root ? 'replaced' : 'opaque';
    const ahead: Pair[] = [{ directory: before.root, counterpart: draft.root, names: [], how }];
    for (let pair = ahead.pop(); pair; pair = ahead.pop()) {
      const { directory, counterpart } = pair;
      const children = counterpart === directory ? touched.get(directory) : before.children(directory);
      const below: Pair[] = [];
      for (const dentry of before.sorted(children ?? [])) {
        const inode = before.inodes[dentry]!;
        const isDirectory = draft.kinds[inode] === DIRECTORY;
        const other = counterpart === NONE ? NONE : draft.inodeNamedAs(dentry, counterpart);
        const stays = isDirectory ? other !== NONE && draft.kinds[other] === DIRECTORY : other === inode;
        const names = [...pair.names, draft.nameOf(dentry)];
        // The marker nearest to the root counts. An opaque one is for the children only.
        const inner = pair.how === 'replaced' ? (this.#taken.get(dentry) ?? 'replaced') : pair.how;
        const row = before.rows[inode]!;
        if (!stays && row !== NONE) {
          const { entries, number } = this.layers[before.layers[inode]! - 1]!;
          const own = inner === 'opaque' ? pair.how : inner;
          yield { layer: number, entries, row, names, hiddenBy, how: own };
        }
        // A hidden directory that the layer makes again has lost its contents.
        if (isDirectory)
          below.push({ directory: inode, counterpart: stays ? other : NONE, names, how: inner });
      }
      ahead.push(...below.reverse());
    }
  }
}

/** A draft's tree before a layer: the columns that the layer may change, and lists of children. */
class LowerTree {
  readonly root: number;
  readonly inodes: Int32Array; // by dentry
  readonly layers: Uint16Array; // by inode
  readonly rows: Int32Array; // by inode
  readonly #ownDentries: Int32Array; // by directory
  readonly #firstChildren: Int32Array; // by directory: a dentry
  readonly #nextChildren: Int32Array; // by dentry
  /** By directory: see #keyOf. */
  readonly #leasts = new Map<number, number>();

  constructor(private readonly draft: DraftTree) {
    const { inodeCount, dentryCount } = draft;
    this.root = draft.root;
    this.inodes = draft.dentryInodes.slice(0, dentryCount);
    this.layers = draft.layers.slice(0, inodeCount);
    this.rows = draft.rows.slice(0, inodeCount);
    this.#ownDentries = new Int32Array(inodeCount).fill(NONE);
    this.#firstChildren = new Int32Array(inodeCount).fill(NONE);
    this.#nextChildren = new Int32Array(dentryCount);
    for (let dentry = 0; dentry < dentryCount; dentry++) {
      const inode = this.inodes[dentry]!;
      if (inode === NONE) continue;
      const parent = draft.dentryParents[dentry]!;
      this.#ownDentries[inode] = dentry;
      this.#nextChildren[dentry] = this.#firstChildren[parent]!;
      this.#firstChildren[parent] = dentry;
    }
  }

  has(dentry: number): boolean {
    return dentry < this.inodes.length;
  }

  /** By directory: these dentries, and the directories on the way to them. */
  waysTo(dentries: Iterable<number>): Map<number, Set<number>> {
    const ways = new Map<number, Set<number>>();
    for (let dentry of dentries) {
      while (dentry !== NONE) {
        const directory = this.draft.dentryParents[dentry]!;
        const known = ways.get(directory) ?? new Set();
        if (known.has(dentry)) break;
        ways.set(directory, known.add(dentry));
        dentry = this.#ownDentries[directory]!;
      }
    }
    return ways;
  }

  children(directory: number): number[] {
    const children: number[] = [];
    for (let dentry = this.#firstChildren[directory]!; dentry !== NONE; dentry = this.#nextChildren[dentry]!)
      children.push(dentry);
    return children;
  }

  /** In the order of `freeze`: least inode at or below, directories first, age of the name. */
  sorted(dentries: Iterable<number>): number[] {
    const items = Array.from(dentries, (dentry) => {
      const inode = this.inodes[dentry]!;
      return { dentry, key: this.#keyOf(inode), leaf: this.draft.kinds[inode] === DIRECTORY ? 0 : 1 };
    });
    items.sort((a, b) => a.key - b.key || a.leaf - b.leaf || a.dentry - b.dentry);
    return items.map(({ dentry }) => dentry);
  }

  /** The least inode at or below. An empty directory is its own. */
  #keyOf(inode: number): number {
    if (this.draft.kinds[inode] !== DIRECTORY) return inode;
    let least = this.#leasts.get(inode);
    if (least === undefined) {
      const children = this.children(inode);
      least = children.length === 0 ? inode : Number.POSITIVE_INFINITY;
      for (const dentry of children) least = Math.min(least, this.#keyOf(this.inodes[dentry]!));
      this.#leasts.set(inode, least);
    }
    return least;
  }
}
