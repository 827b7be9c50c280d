import { bytesOfText } from '../../../../../base/text/raw-text.js';
import { resolvePath, splitPath } from '../../../../../overlay/resolve-path.js';
import { type BrowsedTree, ROOT_REF, type TreePlace } from './browsed-tree.js';
import { findName, NamePattern } from './name-search.js';
import { type TreeRow, TreeRows } from './tree-rows.js';

/** What the tree's screen shows: rows, the cursor, the first visible row. No I/O. */
export class TreeModel {
  readonly rows: TreeRows;
  #cursor = 0;
  #top = 0;
  #pattern: NamePattern | undefined;

  constructor(readonly tree: BrowsedTree) {
    this.rows = new TreeRows(tree);
  }

  get cursor(): number {
    return this.#cursor;
  }

  get current(): TreeRow {
    return this.rows.at(this.#cursor);
  }

  /** Moves the cursor by rows, as far as there are any. */
  move(by: number): void {
    this.moveTo(this.#cursor + by);
  }

  moveTo(index: number): void {
    this.#cursor = Math.max(0, Math.min(this.rows.count - 1, index));
  }

  /** Returns the first visible row, so that the cursor is among `height` rows. */
  window(height: number): number {
    const last = Math.max(0, this.rows.count - height);
    this.#top = Math.min(this.#top, this.#cursor, last);
    this.#top = Math.max(this.#top, this.#cursor - Math.max(1, height) + 1);
    return this.#top;
  }

  /** Unfolds the directory under the cursor; of an unfolded one, goes to its first entry. */
  unfold(): void {
    const { isOpen } = this.current;
    if (!isOpen) this.rows.unfold(this.#cursor);
    else if (this.#hasRowBelow()) this.move(1);
  }

  toggle(): void {
    if (this.current.isOpen) this.rows.fold(this.#cursor);
    else this.rows.unfold(this.#cursor);
  }

  /**
   * Folds the directory under the cursor, else goes to the one that the row stands in.
   * @returns false at the root: there is nothing above
   */
  fold(): boolean {
    const { isOpen, index } = this.current;
    const parent = this.rows.parentOf(index);
    if (parent === undefined) return false;
    if (isOpen) this.rows.fold(index);
    else this.#cursor = parent;
    return true;
  }

  /** Goes to an entry, and unfolds what is above it. */
  reveal(place: TreePlace): void {
    this.#cursor = this.rows.reveal(place);
  }

  /** Goes to what the view shows at a path. */
  revealShown(names: readonly Uint8Array[]): void {
    this.reveal({ names, ref: ROOT_REF });
  }

  /** Shows or omits what upper layers hide. The cursor stays at its entry, or at what holds it. */
  setHidden(shows: boolean): void {
    const place = this.current;
    const isGone = !shows && this.tree.inodeOf(place.ref) === 0;
    this.tree.setHidden(shows);
    this.rows.refresh();
    this.reveal(isGone ? { ...place, names: place.names.slice(0, -1) } : place);
  }

  /** Orders entries by size, or by name. The cursor stays at its entry. */
  setBySize(isBySize: boolean): void {
    const place = this.current;
    this.tree.setBySize(isBySize);
    this.rows.refresh();
    this.reveal(place);
  }

  /**
   * Goes to the path that a text is, with or without a slash before it, else to the next name with
   * the text: of names with a slash, to the next path.
   * @param text undefined: that of the search before
   * @returns `none`; `around`: it continued at the other end
   */
  search(text: string | undefined, direction: 'next' | 'previous'): 'found' | 'around' | 'none' {
    if (text !== undefined) this.#pattern = NamePattern.parse(text);
    if (text?.includes('/') && this.#revealPath(text)) return 'found';
    const found = this.#pattern && findName(this.tree, this.#pattern, this.current, direction);
    if (!found) return 'none';
    this.reveal(found.place);
    return found.isAround ? 'around' : 'found';
  }

  /** @returns whether the view has the path */
  #revealPath(text: string): boolean {
    const resolved = resolvePath(this.tree.view.tree, splitPath(bytesOfText(text)), 'parents');
    if (resolved.kind !== 'found' || resolved.names.length === 0) return false;
    this.revealShown(resolved.names);
    return true;
  }

  #hasRowBelow(): boolean {
    const { count } = this.rows;
    return this.#cursor + 1 < count && this.rows.at(this.#cursor + 1).depth > this.current.depth;
  }
}
