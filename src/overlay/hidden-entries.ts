import type { EntryTable } from '../index/entry-table.js';
import { DIRECTORY, type DraftTree, NONE } from './draft-tree.js';
import { draftOf, type NumberedLayer } from './merge.js';
import type { HidingWay, MergeObserver } from './merge-observer.js';

/** A name that the layers below `hiddenBy` show and that layer does not, or shows as something else. */
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
 * Directories that only get other attributes are not among them, nor directories that no entry names.
 * Within a layer the order is that of the tree below it: the children of a directory in data order,
 * then what is below each.
 * @param layers base first
 * @throws LayerslayerError as mergeLayers
 */
export function forEachHidden(layers: readonly NumberedLayer[], visit: (hidden: HiddenEntry) => void): void {
  draftOf(layers, { observer: new HiddenEntries(layers, visit) });
}

/** A directory of the tree before, and the one of the same name after: NONE if there is none. */
interface Pair {
  directory: number;
  counterpart: number;
  names: readonly Uint8Array[];
  how: HidingWay; // what took the directory's children
}

/**
 * Compares the draft before and after each layer. Only names that the layer took, and what is below
 * them, can differ. "Before" is the draft's state with the taken inodes put back: nothing that falls
 * out of reach is ever changed, and new dentries have the highest numbers.
 */
class HiddenEntries implements MergeObserver {
  /** The state before the layer that is being applied: what is numbered from here on is new. */
  #dentries = 0;
  #inodes = 0;
  #root = 0;
  /** By dentry: the inode that the layer took from it, and the marker that counts. */
  readonly #taken = new Map<number, { inode: number; how: HidingWay }>();
  /** By directory: the attributes that the layer replaced. */
  readonly #attributes = new Map<number, { layer: number; row: number }>();

  readonly #firstChildren = new GrowingColumn(); // by directory: a dentry
  readonly #nextChildren = new GrowingColumn(); // by dentry
  readonly #names = new GrowingColumn(); // by directory: its dentry
  /** By directory: the least inode below, which orders it as in `freeze`; NONE when not known. */
  readonly #leasts = new GrowingColumn();

  constructor(
    private readonly layers: readonly NumberedLayer[],
    private readonly visit: (hidden: HiddenEntry) => void,
  ) {}

  taken(draft: DraftTree, dentry: number, _inode: number, how: HidingWay): void {
    if (dentry >= this.#dentries) return;
    const known = this.#taken.get(dentry);
    if (!known) this.#taken.set(dentry, { inode: draft.dentryInodes[dentry]!, how });
    else if (how === 'whiteout') known.how = how; // an opaque marker below it came first
  }

  attributed(draft: DraftTree, directory: number): void {
    if (directory >= this.#inodes || this.#attributes.has(directory)) return;
    this.#attributes.set(directory, { layer: draft.layers[directory]!, row: draft.rows[directory]! });
  }

  layerDone(draft: DraftTree, layerNumber: number): void {
    this.#compare(draft, layerNumber);
    this.#adopt(draft);
  }

  #compare(draft: DraftTree, hiddenBy: number): void {
    const touched = this.#touched(draft);
    const isRootKept = this.#root === draft.root;
    const ahead: Pair[] = [
      {
        directory: this.#root,
        counterpart: draft.root,
        names: [],
        how: isRootKept ? 'replaced' : 'opaque',
      },
    ];
    for (let pair = ahead.pop(); pair; pair = ahead.pop()) {
      const { directory, counterpart } = pair;
      const children = counterpart === directory ? touched.get(directory) : this.#children(draft, directory);
      const below: Pair[] = [];
      for (const dentry of this.#sorted(draft, children ?? [])) {
        const inode = this.#inodeBefore(draft, dentry);
        const other = counterpart === NONE ? NONE : sameName(draft, dentry, counterpart);
        const isDirectory = draft.kinds[inode] === DIRECTORY;
        const stays = isDirectory ? other !== NONE && draft.kinds[other] === DIRECTORY : other === inode;
        const names = [...pair.names, nameOf(draft, dentry)];
        // The marker nearest to the root counts. An opaque marker is for the children only.
        const inner = pair.how === 'replaced' ? (this.#taken.get(dentry)?.how ?? 'replaced') : pair.how;
        const how = inner === 'opaque' && pair.how === 'replaced' ? 'replaced' : inner;
        if (!stays) this.#tell(draft, inode, { names, hiddenBy, how });
        // A directory that was hidden and made anew has lost what was in it: its children tell.
        if (isDirectory)
          below.push({ directory: inode, counterpart: stays ? other : NONE, names, how: inner });
      }
      ahead.push(...below.reverse());
    }
  }

  #tell(draft: DraftTree, inode: number, how: Pick<HiddenEntry, 'names' | 'hiddenBy' | 'how'>): void {
    const { layer, row } = this.#attributes.get(inode) ?? {
      layer: draft.layers[inode]!,
      row: draft.rows[inode]!,
    };
    if (row === NONE) return;
    const { number, entries } = this.layers[layer - 1]!;
    this.visit({ layer: number, entries, row, ...how });
  }

  /** By directory: the dentries that were taken, and those on the way to such. */
  #touched(draft: DraftTree): Map<number, Set<number>> {
    const touched = new Map<number, Set<number>>();
    for (const taken of this.#taken.keys()) {
      for (let dentry = taken; ; ) {
        const directory = draft.dentryParents[dentry]!;
        const known = touched.get(directory);
        known?.add(dentry);
        if (known) break;
        touched.set(directory, new Set([dentry]));
        if (draft.parents[directory] === directory) break;
        dentry = this.#names.at(directory);
      }
    }
    return touched;
  }

  /** What the layer left becomes the state before the next one. */
  #adopt(draft: DraftTree): void {
    for (const [dentry, { inode }] of this.#taken) {
      this.#lose(draft, draft.dentryParents[dentry]!, this.#keyOf(draft, inode));
    }
    const taken = [...this.#taken.keys()];
    this.#taken.clear();
    this.#attributes.clear();
    for (const dentry of taken) this.#gain(draft, dentry);
    for (let dentry = this.#dentries; dentry < draft.dentryCount; dentry++) {
      const parent = draft.dentryParents[dentry]!;
      this.#nextChildren.set(dentry, this.#firstChildren.at(parent));
      this.#firstChildren.set(parent, dentry);
      this.#gain(draft, dentry);
    }
    this.#dentries = draft.dentryCount;
    this.#inodes = draft.inodeCount;
    this.#root = draft.root;
  }

  /** Forgets the least inodes that a lost one may have been: an unknown one says nothing about those above it. */
  #lose(draft: DraftTree, from: number, key: number): void {
    for (let directory = from; ; directory = draft.parents[directory]!) {
      const least = this.#leasts.at(directory);
      if (least !== NONE && least !== key) return;
      this.#leasts.set(directory, NONE);
      if (draft.parents[directory] === directory) return;
    }
  }

  /** New inodes have the highest numbers: only a hard link to an older one can be the least. */
  #gain(draft: DraftTree, dentry: number): void {
    const inode = draft.dentryInodes[dentry]!;
    const parent = draft.dentryParents[dentry]!;
    if (inode === NONE) return;
    if (this.#leasts.at(parent) === parent) this.#lose(draft, parent, parent); // it was empty
    if (draft.kinds[inode] === DIRECTORY) this.#names.set(inode, dentry);
    else if (inode < this.#inodes) {
      for (let directory = parent; ; directory = draft.parents[directory]!) {
        const least = this.#leasts.at(directory);
        if (least !== NONE && least <= inode) return;
        if (least !== NONE) this.#leasts.set(directory, inode);
        if (draft.parents[directory] === directory) return;
      }
    }
  }

  /** In the order of `freeze`: by the least inode at or below, directories first, then by age of the name. */
  #sorted(draft: DraftTree, dentries: Iterable<number>): number[] {
    const isLeaf = (dentry: number) => (draft.kinds[this.#inodeBefore(draft, dentry)] === DIRECTORY ? 0 : 1);
    const key = (dentry: number) => this.#keyOf(draft, this.#inodeBefore(draft, dentry));
    return [...dentries].sort((a, b) => key(a) - key(b) || isLeaf(a) - isLeaf(b) || a - b);
  }

  #keyOf(draft: DraftTree, inode: number): number {
    if (draft.kinds[inode] !== DIRECTORY) return inode;
    const known = this.#leasts.at(inode);
    if (known !== NONE) return known;
    let least = Number.POSITIVE_INFINITY;
    for (const dentry of this.#children(draft, inode)) {
      least = Math.min(least, this.#keyOf(draft, this.#inodeBefore(draft, dentry)));
    }
    least = Number.isFinite(least) ? least : inode;
    this.#leasts.set(inode, least);
    return least;
  }

  /** The directory's dentries before the layer. Those that are gone leave the list. */
  #children(draft: DraftTree, directory: number): number[] {
    const children: number[] = [];
    let last = NONE;
    for (let dentry = this.#firstChildren.at(directory); dentry !== NONE; ) {
      const next = this.#nextChildren.at(dentry);
      if (this.#inodeBefore(draft, dentry) !== NONE) {
        children.push(dentry);
        last = dentry;
      } else if (last === NONE) this.#firstChildren.set(directory, next);
      else this.#nextChildren.set(last, next);
      dentry = next;
    }
    return children;
  }

  #inodeBefore(draft: DraftTree, dentry: number): number {
    return this.#taken.get(dentry)?.inode ?? draft.dentryInodes[dentry]!;
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

/** What has the dentry's name in another directory now; NONE if nothing. */
function sameName(draft: DraftTree, dentry: number, directory: number): number {
  const name = nameOf(draft, dentry);
  const found = draft.find(directory, draft.nameHashes[dentry]!, name, 0, name.length);
  return found === NONE ? NONE : draft.dentryInodes[found]!;
}

function nameOf(draft: DraftTree, dentry: number): Uint8Array {
  const start = draft.nameStarts[dentry]!;
  return draft.heaps[draft.nameHeaps[dentry]!]!.subarray(start, start + draft.nameLengths[dentry]!);
}
