import { type BrowsedTree, type EntryRef, ROOT_REF, type TreePlace } from './browsed-tree.js';

/** What the rows are made of. */
export type RowSource = Pick<BrowsedTree, 'children' | 'opens' | 'name' | 'isBySize'>;

/** An unfolded directory. */
interface OpenDirectory {
  ref: EntryRef;
  names: readonly Uint8Array[]; // from the root
  parent: OpenDirectory | undefined; // undefined: the root
  position: number; // in the parent's children
  children: Int32Array;
  open: OpenDirectory[]; // unfolded children, by position
  rows: number; // visible below it
}

/** A visible row. */
export interface TreeRow extends TreePlace {
  index: number; // from 0: the root
  depth: number; // of the root 0
  isOpen: boolean; // an unfolded directory
}

/**
 * The visible rows of a tree with folded and unfolded directories. Memory: four bytes a name of an
 * unfolded directory. A row is made when it is asked for.
 */
export class TreeRows {
  readonly #root: OpenDirectory;

  constructor(private readonly source: RowSource) {
    this.#root = this.#openedAt({ ref: ROOT_REF, names: [] }, undefined, 0);
  }

  get count(): number {
    return this.#root.rows + 1;
  }

  /** @param index 0 to count-1 */
  at(index: number): TreeRow {
    const { directory, position } = this.#locate(index);
    if (!directory) return { ref: ROOT_REF, names: [], index: 0, depth: 0, isOpen: true };
    const ref = directory.children[position]!;
    const names = [...directory.names, this.source.name(ref)];
    const isOpen = directory.open.some((one) => one.position === position);
    return { ref, names, index, depth: names.length, isOpen };
  }

  /** Returns the row of the directory that a row stands in; of the root undefined. */
  parentOf(index: number): number | undefined {
    const { directory } = this.#locate(index);
    return directory && this.#indexOf(directory);
  }

  /** Unfolds a directory. Other rows stay as they are. */
  unfold(index: number): void {
    const { directory, position } = this.#locate(index);
    const row = this.at(index);
    if (!directory || row.isOpen || !this.source.opens(row.ref)) return;
    const opened = this.#openedAt(row, directory, position);
    const before = directory.open.findIndex((one) => one.position > position);
    directory.open.splice(before === -1 ? directory.open.length : before, 0, opened);
    addRows(directory, opened.rows);
  }

  /** Folds a directory, with all below it. The root stays unfolded. */
  fold(index: number): void {
    const { directory, position } = this.#locate(index);
    const at = directory?.open.findIndex((one) => one.position === position) ?? -1;
    if (!directory || at === -1) return;
    const [closed] = directory.open.splice(at, 1);
    addRows(directory, -closed!.rows);
  }

  /**
   * Unfolds what is above an entry.
   * @param place `ref` decides between entries of one path; unknown: what is shown
   * @returns its row, or the nearest one above it if the source has it no more
   */
  reveal({ names, ref }: TreePlace): number {
    let index = 0;
    for (const [depth, name] of names.entries()) {
      const isLast = depth === names.length - 1;
      const directory = this.#directoryAt(index);
      const position = directory && this.#find(directory, name, isLast ? ref : undefined);
      if (position === undefined) return index;
      index = this.#rowOf(directory!, position);
      if (!isLast) this.unfold(index);
    }
    return index;
  }

  /** Lists all unfolded directories again: the source has other entries. What is gone folds. */
  refresh(): void {
    this.#refresh(this.#root);
  }

  #refresh(directory: OpenDirectory): void {
    directory.children = this.source.children(directory);
    directory.rows = directory.children.length;
    for (const one of directory.open) one.position = directory.children.indexOf(one.ref);
    directory.open = directory.open
      .filter(({ position }) => position !== -1)
      .sort((a, b) => a.position - b.position);
    for (const one of directory.open) {
      this.#refresh(one);
      directory.rows += one.rows;
    }
  }

  #openedAt(place: TreePlace, parent: OpenDirectory | undefined, position: number): OpenDirectory {
    const { ref, names } = place;
    const children = this.source.children(place);
    return { ref, names, parent, position, children, open: [], rows: children.length };
  }

  /** @returns no directory: the root itself */
  #locate(index: number): { directory: OpenDirectory | undefined; position: number } {
    if (index <= 0) return { directory: undefined, position: 0 };
    let directory = this.#root;
    let left = index - 1; // rows below the directory, before the wanted one
    for (;;) {
      let inner = 0; // rows below unfolded children that stand before it
      let entered: OpenDirectory | undefined;
      for (const one of directory.open) {
        const own = one.position + inner;
        if (left <= own) break;
        if (left <= own + one.rows) {
          entered = one;
          left -= own + 1;
          break;
        }
        inner += one.rows;
      }
      if (!entered) return { directory, position: left - inner };
      directory = entered;
    }
  }

  #indexOf(directory: OpenDirectory): number {
    return directory.parent ? this.#rowOf(directory.parent, directory.position) : 0;
  }

  #rowOf(directory: OpenDirectory, position: number): number {
    let index = this.#indexOf(directory) + 1 + position;
    for (const one of directory.open) if (one.position < position) index += one.rows;
    return index;
  }

  #directoryAt(index: number): OpenDirectory | undefined {
    const { directory, position } = this.#locate(index);
    return directory ? directory.open.find((one) => one.position === position) : this.#root;
  }

  /** @param ref of one path the wanted entry; undefined: the one that unfolds */
  #find({ children }: OpenDirectory, name: Uint8Array, ref: EntryRef | undefined): number | undefined {
    let [low, high] = [0, children.length];
    while (low < high && !this.source.isBySize) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(this.source.name(children[middle]!), name) < 0) low = middle + 1;
      else high = middle;
    }
    const isNamed = (at: number) =>
      at < children.length && Buffer.compare(this.source.name(children[at]!), name) === 0;
    let nearest: number | undefined;
    for (let at = low; this.source.isBySize ? at < children.length : isNamed(at); at++) {
      if (!isNamed(at)) continue;
      const one = children[at]!;
      if (ref === undefined ? this.source.opens(one) : one === ref) return at;
      if (ref !== undefined && (nearest === undefined || one >= 0)) nearest = at;
    }
    return nearest;
  }
}

function addRows(directory: OpenDirectory, rows: number): void {
  for (let one: OpenDirectory | undefined = directory; one; one = one.parent) one.rows += rows;
}
