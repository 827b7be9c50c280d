import type { Layer } from '../../../../../engine/layer.js';
import type { ImageView } from '../../../../../image/opened-image.js';
import {
  type EntryPlace,
  IMPLIED_DIRECTORY,
  type ListedEntry,
  shownEntry,
} from '../../../../../image/records/entry-record.js';
import { ROOT_INODE } from '../../../../../overlay/tree.js';
import { sortedDentries } from '../../../../../overlay/walk/walk-tree.js';
import { HiddenNames } from './hidden-names.js';
import { directorySizes } from './tree-sizes.js';

/**
 * An entry of the browsed tree: a dentry of the merged tree, or a hidden entry `i` as `-1 - i`, or
 * the root. Numbers, since a directory may have 100,000.
 */
export type EntryRef = number;

export const ROOT_REF: EntryRef = -(2 ** 31);

const NO_NAMES = new Uint8Array(0);

/** A path and which of its entries: hidden ones have the same path as what hides them. */
export interface TreePlace {
  names: readonly Uint8Array[]; // from the root
  ref: EntryRef;
}

/** What is browsed: a view of an image and, on demand, what its upper layers hide. */
export class BrowsedTree {
  #hidden: HiddenNames | undefined;
  #showsHidden = false;
  #sizes: Float64Array | undefined; // of directories, by inode
  #isBySize = false;

  constructor(readonly view: Pick<ImageView, 'tree' | 'layers' | 'byNumber'>) {}

  /** Sums up the sizes of directories, once. @throws the signal's reason */
  async sumUp(signal: AbortSignal): Promise<void> {
    this.#sizes ??= await directorySizes(this.view.tree, signal);
  }

  /** Returns bytes of a file, or in a directory; undefined: not summed up, or hidden. */
  bytesOf(ref: EntryRef): number | undefined {
    const inode = this.inodeOf(ref);
    if (inode === 0) return undefined;
    const { tree } = this.view;
    return tree.kind(inode) === 'dir' ? this.#sizes?.[inode] : tree.size(inode);
  }

  /** Whether the largest entries come first, and not names by their bytes. */
  get isBySize(): boolean {
    return this.#isBySize;
  }

  /** Orders entries. `sumUp` comes before. */
  setBySize(isBySize: boolean): void {
    this.#isBySize = isBySize;
  }

  get showsHidden(): boolean {
    return this.#showsHidden;
  }

  /**
   * Shows or omits hidden entries. The first time costs a merge.
   * @throws LayerslayerError as mergeLayers
   */
  setHidden(shows: boolean): void {
    if (shows) this.#hidden ??= new HiddenNames(this.view.layers, this.view.tree);
    this.#showsHidden = shows;
  }

  /** What is hidden; undefined while it is not shown. */
  get hidden(): HiddenNames | undefined {
    return this.#showsHidden ? this.#hidden : undefined;
  }

  /**
   * Returns the entries of a directory by the bytes of their names. Of one name, what is shown is
   * the first, and what unfolds the last: its rows follow it. With `isBySize` the largest first.
   */
  children({ names, ref }: TreePlace): Int32Array {
    const { tree } = this.view;
    const inode = this.inodeOf(ref);
    const shown = inode === 0 ? [] : sortedDentries(tree, tree.childStart(inode), tree.childEnd(inode));
    const hidden = this.hidden?.in(names) ?? [];
    const children = new Int32Array(shown.length + hidden.length);
    let [shownAt, hiddenAt] = [0, 0];
    for (let at = 0; at < children.length; at++) {
      const isShown = hiddenAt === hidden.length || this.#isBefore(shown[shownAt], refOf(hidden[hiddenAt]!));
      children[at] = isShown ? shown[shownAt++]! : refOf(hidden[hiddenAt++]!);
    }
    if (!this.#isBySize) return children;
    const sizes = new Map(Array.from(children, (one) => [one, this.bytesOf(one) ?? -1]));
    return children.sort((a, b) => sizes.get(b)! - sizes.get(a)!); // stable
  }

  /** @param dentry undefined: none is left */
  #isBefore(dentry: number | undefined, hidden: EntryRef): boolean {
    if (dentry === undefined) return false;
    const order = Buffer.compare(this.name(dentry), this.name(hidden));
    return order === 0 ? !this.opens(dentry) : order < 0;
  }

  /** @returns 0: hidden */
  inodeOf(ref: EntryRef): number {
    if (ref === ROOT_REF) return ROOT_INODE;
    return ref < 0 ? 0 : this.view.tree.dentryInode(ref);
  }

  /** Returns the name in its directory; that of the root is empty. */
  name(ref: EntryRef): Uint8Array {
    if (ref === ROOT_REF) return NO_NAMES;
    return ref < 0 ? this.#hidden!.name(-1 - ref) : this.view.tree.dentryName(ref);
  }

  /** Whether it unfolds. */
  opens(ref: EntryRef): boolean {
    const inode = this.inodeOf(ref);
    return inode === 0 ? this.#hidden!.opens(-1 - ref) : this.view.tree.kind(inode) === 'dir';
  }

  entry(ref: EntryRef): ListedEntry {
    const inode = this.inodeOf(ref);
    if (inode !== 0) return shownEntry(this.view.tree, inode);
    const { entries, row } = this.#hidden!.entry(-1 - ref);
    return row < 0 ? IMPLIED_DIRECTORY : shownEntry(entries, row);
  }

  /** Returns the layer of an entry, and what hides it. */
  place(ref: EntryRef): EntryPlace {
    const { tree, byNumber } = this.view;
    const inode = this.inodeOf(ref);
    const hidden = inode === 0 ? this.#hidden!.entry(-1 - ref) : undefined;
    const layer = hidden?.layer ?? tree.layerOf(inode);
    const layerDigest = byNumber.get(layer)?.digest;
    if (!hidden) return { layer, layerDigest };
    return { layer, layerDigest, hidden: { hiddenBy: hidden.hiddenBy, how: hidden.how } };
  }

  /** Returns where the content of a regular file is; undefined: the entry is none. */
  content(ref: EntryRef): { layer: Layer; row: number } | undefined {
    if (this.entry(ref).kind !== 'file') return undefined;
    const inode = this.inodeOf(ref);
    const row = inode === 0 ? this.#hidden!.entry(-1 - ref).row : this.view.tree.rowOf(inode);
    const layer = this.view.byNumber.get(this.place(ref).layer);
    return layer && { layer, row };
  }
}

export function refOf(hidden: number): EntryRef {
  return -1 - hidden;
}
