import { SharedTask } from '../../base/tasks/shared-task.js';
import { DirectoryRows, type ListedDirectory, type ListedRow, type ListedView } from './directory-rows.js';

/** Rows of a directory from which it is worth to keep them sorted for the next page. */
const KEPT_MIN = 10_000;

/** Large directories of one view that are kept: 9 bytes a row. */
const KEPT_MAX = 8;

/** By view: the sorted rows of its large directories. */
const kept = new WeakMap<object, Map<string, SharedTask<DirectoryRows>>>();

export interface WalkOptions {
  view: ListedView;
  /** What rows of large directories are kept with. */
  owner: object;
  depth: number; // names that a path has below the start, 1 or more
  order: 'name' | 'size';
  signal: AbortSignal;
}

/** An entry that a walk has come to. */
export interface WalkedRow {
  row: ListedRow;
  names: readonly Uint8Array[]; // from the root
}

interface OpenDirectory {
  rows: DirectoryRows;
  names: readonly Uint8Array[];
  depth: number; // below the start
  next: number; // position in the rows
}

/**
 * Lists what is below a directory, parents first. Another request can continue at any place: the
 * position of each row on the way. The same view has the same places.
 */
export class ListingWalk {
  readonly #open: OpenDirectory[] = [];

  constructor(private readonly options: WalkOptions) {}

  /**
   * Begins at a directory, which is not visited itself.
   * @param after `place` of the entry before the first one; default: from the beginning
   * @throws the signal's reason
   */
  async start(
    directory: ListedDirectory,
    names: readonly Uint8Array[],
    after: readonly number[] = [],
  ): Promise<void> {
    let open = await this.#enter(directory, names, 0);
    for (const position of after) {
      if (!open || position >= open.rows.length) break;
      open.next = position + 1;
      open = await this.#below(open, position);
    }
  }

  /** The place of the entry that was visited last. */
  get place(): number[] {
    const positions = this.#open.map(({ next }) => next - 1);
    // A directory that was entered, and of which nothing was visited, is the last entry itself.
    while (positions.at(-1) === -1) positions.pop();
    return positions;
  }

  /** Returns the next entry, undefined after the last. @throws the signal's reason */
  async next(): Promise<WalkedRow | undefined> {
    for (let open = this.#open.at(-1); open; open = this.#open.at(-1)) {
      if (open.next >= open.rows.length) {
        this.#open.pop();
        continue;
      }
      const position = open.next++;
      const row = open.rows.at(position);
      if (open.depth + 1 < this.options.depth) await this.#below(open, position);
      return { row, names: [...open.names, row.name] };
    }
    return undefined;
  }

  async #below(open: OpenDirectory, position: number): Promise<OpenDirectory | undefined> {
    const depth = open.depth + 1;
    const directory = depth < this.options.depth ? open.rows.directoryAt(position) : undefined;
    if (!directory) return undefined;
    return this.#enter(directory, [...open.names, open.rows.at(position).name], depth);
  }

  async #enter(
    directory: ListedDirectory,
    names: readonly Uint8Array[],
    depth: number,
  ): Promise<OpenDirectory | undefined> {
    const rows = await this.#rowsOf(directory);
    const open = { rows, names, depth, next: 0 };
    if (rows.length > 0) this.#open.push(open);
    return rows.length > 0 ? open : undefined;
  }

  #rowsOf(directory: ListedDirectory): Promise<DirectoryRows> {
    const { view, owner, order, signal } = this.options;
    const { tree } = view;
    const { inode, node } = directory;
    const size = inode === 0 ? 0 : tree.childEnd(inode) - tree.childStart(inode);
    if (size < KEPT_MIN) return DirectoryRows.of(view, directory, order, signal);
    const key = `${inode} ${node} ${order} ${view.hidden === undefined}`;
    const ofView = kept.get(owner) ?? new Map<string, SharedTask<DirectoryRows>>();
    kept.set(owner, ofView);
    const rows = ofView.get(key) ?? new SharedTask((ends) => DirectoryRows.of(view, directory, order, ends));
    ofView.delete(key); // to the end
    ofView.set(key, rows);
    for (const oldest of ofView.keys()) if (ofView.size > KEPT_MAX) ofView.delete(oldest);
    return rows.get(signal);
  }
}
