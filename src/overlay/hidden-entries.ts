import type { EntryTable } from '../index/entry-table.js';
import { DIRECTORY, type DraftTree, NONE } from './draft-tree.js';
import { draftOf, type NumberedLayer } from './merge.js';
import type { HidingWay, MergeObserver } from './merge-observer.js';

/** A name that the layers below `hiddenBy` show, and that layer does not, or otherwise. */
export interface HiddenEntry {
  layer: number; // that the entry comes from
  entries: EntryTable; // of that layer
  row: number;
  names: readonly Uint8Array[]; // from the root on
  hiddenBy: number;
  how: HidingWay;
}

/**
 * Visits everything that upper layers hide or replace, layer by layer from the base, in one merge.
 * Directories that only get other attributes are not among them, nor directories that no entry
 * names. Within a layer the order is that of the tree below it: the children of a directory in data
 * order, then what is below each.
 * @param layers base first
 * @throws LayerslayerError as mergeLayers
 */
export function forEachHidden(layers: readonly NumberedLayer[], visit: (hidden: HiddenEntry) => void): void {
  draftOf(layers, { observe: (draft) => new HiddenEntries(draft, layers, visit) });
}

/** A directory before a layer, and the one of the same name after it: NONE if there is none. */
interface Pair {
  directory: number;
  counterpart: number;
  names: readonly Uint8Array[];
  how: HidingWay; // what took the directory's children
}

/**
 * Compares the draft before and after each layer. Only names that the layer took, and what is below
 * them, can differ. "Before" is the draft with the taken inodes put back: what falls out of reach
 * never changes again, and new inodes and dentries have the highest numbers.
 */
class HiddenEntries implements MergeObserver {
  // Before the layer that is being applied: its own inodes and dentries are numbered from here on.
  #inodeCount = 0;
  #dentryCount = 0;
  #root = 0;
  /** By dentry: the inode that the layer took from it, and the marker that counts. */
  readonly #taken = new Map<number, { inode: number; how: HidingWay }>();
  /** By directory: the attributes that the layer replaced. */
  readonly #attributes = new Map<number, { layer: number; row: number }>();

  readonly #firstChildren = new GrowingColumn(); // by directory: a dentry
  readonly #nextChildren = new GrowingColumn(); // by dentry
  readonly #dentries = new GrowingColumn(); // by directory: its own
  /** By directory: the least inode below, as in `freeze`; NONE when it has to be found. */
  readonly #leasts = new GrowingColumn();

  constructor(
    private readonly draft: DraftTree,
    private readonly layers: readonly NumberedLayer[],
    private readonly visit: (hidden: HiddenEntry) => void,
  ) {}

  taken(dentry: number, _inode: number, how: HidingWay): void {
    if (dentry >= this.#dentryCount) return;
    const known = this.#taken.get(dentry);
    if (!known) this.#taken.set(dentry, { inode: this.draft.dentryInodes[dentry]!, how });
    else if (how === 'whiteout') known.how = how; // an opaque marker below it came first
  }

  attributed(directory: number): void {
    if (directory < this.#inodeCount && !this.#attributes.has(directory))
      this.#attributes.set(directory, this.#attributesOf(directory));
  }

  layerDone(hiddenBy: number): void {
    const { draft } = this;
    const touched = this.#touched();
    const how = this.#root === draft.root ? 'replaced' : 'opaque';
    const ahead: Pair[] = [{ directory: this.#root, counterpart: draft.root, names: [], how }];
    for (let pair = ahead.pop(); pair; pair = ahead.pop()) {
      const { directory, counterpart } = pair;
      const children = counterpart === directory ? touched.get(directory) : this.#children(directory);
      const below: Pair[] = [];
      for (const dentry of this.#sorted(children ?? [])) {
        const inode = this.#inodeBefore(dentry);
        const isDirectory = draft.kinds[inode] === DIRECTORY;
        const other = counterpart === NONE ? NONE : draft.inodeNamedAs(dentry, counterpart);
        const stays = isDirectory ? other !== NONE && draft.kinds[other] === DIRECTORY : other === inode;
        const names = [...pair.names, draft.nameOf(dentry)];
        // The marker nearest to the root counts. An opaque one is for the children only.
        const inner = pair.how === 'replaced' ? (this.#taken.get(dentry)?.how ?? 'replaced') : pair.how;
        const { layer, row } = this.#attributesOf(inode);
        if (!stays && row !== NONE) {
          const { entries, number } = this.layers[layer - 1]!;
          this.visit({
            layer: number,
            entries,
            row,
            names,
            hiddenBy,
            how: inner === 'opaque' ? pair.how : inner,
          });
        }
        // A directory that was hidden and made anew has lost what was in it.
        if (isDirectory)
          below.push({ directory: inode, counterpart: stays ? other : NONE, names, how: inner });
      }
      ahead.push(...below.reverse());
    }
    this.#adopt();
  }

  /** By directory: the dentries that were taken, and those on the way to such. */
  #touched(): Map<number, Set<number>> {
    const { draft } = this;
    const touched = new Map<number, Set<number>>();
    for (const taken of this.#taken.keys()) {
      for (let dentry = taken; dentry !== NONE; ) {
        const directory = draft.dentryParents[dentry]!;
        const known = touched.get(directory);
        if (!known) touched.set(directory, new Set([dentry]));
        dentry = known?.add(dentry) ? NONE : this.#dentries.at(directory);
      }
    }
    return touched;
  }

  /** What the layer left becomes the state before the next one. */
  #adopt(): void {
    const { draft } = this;
    for (const [dentry, { inode }] of this.#taken) {
      const parent = draft.dentryParents[dentry]!;
      if (this.#leasts.at(parent) === this.#keyOf(inode)) this.#forgetLeasts(parent);
    }
    const changed = [...this.#taken.keys()];
    this.#taken.clear();
    this.#attributes.clear();
    for (let dentry = this.#dentryCount; dentry < draft.dentryCount; dentry++) {
      const parent = draft.dentryParents[dentry]!;
      this.#nextChildren.set(dentry, this.#firstChildren.at(parent));
      this.#firstChildren.set(parent, dentry);
      changed.push(dentry);
    }
    for (const dentry of changed) {
      const inode = draft.dentryInodes[dentry]!;
      const parent = draft.dentryParents[dentry]!;
      if (inode === NONE) continue;
      const isDirectory = draft.kinds[inode] === DIRECTORY;
      if (isDirectory) this.#dentries.set(inode, dentry);
      // New inodes are the highest: the least changes only where there was none, or by a hard link.
      const isOlder = !isDirectory && inode < this.#inodeCount;
      if (isOlder || this.#leasts.at(parent) === parent) this.#forgetLeasts(parent);
    }
    this.#inodeCount = draft.inodeCount;
    this.#dentryCount = draft.dentryCount;
    this.#root = draft.root;
  }

  #forgetLeasts(from: number): void {
    for (let directory = from; ; directory = this.draft.parents[directory]!) {
      this.#leasts.set(directory, NONE);
      if (this.draft.parents[directory] === directory) return;
    }
  }

  /** In the order of `freeze`: least inode at or below, directories first, age of the name. */
  #sorted(dentries: Iterable<number>): number[] {
    const items = Array.from(dentries, (dentry) => {
      const inode = this.#inodeBefore(dentry);
      return { dentry, key: this.#keyOf(inode), leaf: this.draft.kinds[inode] === DIRECTORY ? 0 : 1 };
    });
    items.sort((a, b) => a.key - b.key || a.leaf - b.leaf || a.dentry - b.dentry);
    return items.map(({ dentry }) => dentry);
  }

  #keyOf(inode: number): number {
    if (this.draft.kinds[inode] !== DIRECTORY) return inode;
    const known = this.#leasts.at(inode);
    if (known !== NONE) return known;
    const children = this.#children(inode);
    let least = children.length > 0 ? Number.POSITIVE_INFINITY : inode;
    for (const dentry of children) least = Math.min(least, this.#keyOf(this.#inodeBefore(dentry)));
    this.#leasts.set(inode, least);
    return least;
  }

  /** The directory's dentries before the layer. Those that are gone leave the list. */
  #children(directory: number): number[] {
    const children: number[] = [];
    let last = NONE;
    for (let dentry = this.#firstChildren.at(directory); dentry !== NONE; ) {
      const next = this.#nextChildren.at(dentry);
      if (this.#inodeBefore(dentry) !== NONE) {
        children.push(dentry);
        last = dentry;
      } else if (last === NONE) this.#firstChildren.set(directory, next);
      else this.#nextChildren.set(last, next);
      dentry = next;
    }
    return children;
  }

  #inodeBefore(dentry: number): number {
    return this.#taken.get(dentry)?.inode ?? this.draft.dentryInodes[dentry]!;
  }

  #attributesOf(inode: number): { layer: number; row: number } {
    const known = this.#attributes.get(inode);
    return known ?? { layer: this.draft.layers[inode]!, row: this.draft.rows[inode]! };
  }
}

/** A column that is NONE where nothing was set. */
class GrowingColumn {
  #values = new Int32Array(1024).fill(NONE);

  at(place: number): number {
    return this.#values[place] ?? NONE;
  }

  set(place: number, value: number): void {
    if (place >= this.#values.length) {
      const larger = new Int32Array(place * 2).fill(NONE);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[place] = value;
  }
}
