import { Turns } from '../../base/tasks/turns.js';
import type { EntryTable } from '../../index/entry-table.js';
import type { Tree } from '../../overlay/tree.js';
import { firstVersion, type HiddenColumns, hiddenName, NO_NODE } from '../analysis/hidden-columns.js';
import type { TreeSums } from '../analysis/tree-sums.js';
import { ascending, sortInTurns } from './sort-in-turns.js';

/** What listings are made of. */
export interface ListedView {
  tree: Tree;
  tables: ReadonlyMap<number, EntryTable>; // by number of the layer
  hidden: HiddenColumns | undefined; // if hidden entries are listed too
  sums: TreeSums | undefined; // if the order is that of sizes
}

/** A directory of the tree, of what is hidden, or of both. */
export interface ListedDirectory {
  inode: number; // 0: the tree does not have it
  node: number; // NO_NODE: nothing is hidden in it
}

/** One line of a listing. */
export type ListedRow =
  | { kind: 'live'; inode: number; name: Uint8Array }
  /** An entry that upper layers hide. */
  | { kind: 'hidden'; version: number; name: Uint8Array }
  /** A hidden directory that no entry names; the version says when it was hidden. */
  | { kind: 'implied'; version: number; name: Uint8Array }
  /** A directory that a layer does not name, above what that layer hides. */
  | { kind: 'passed'; name: Uint8Array };

/** Kinds of rows as the columns have them. */
const [LIVE, HIDDEN, IMPLIED, PASSED] = [0, 1, 2, 3];

/**
 * The rows of a directory, sorted: 9 bytes a row. Of one name the live entry comes first, then what
 * was hidden, the last one first.
 */
export class DirectoryRows {
  private constructor(
    private readonly view: ListedView,
    private readonly kinds: Uint8Array,
    private readonly items: Uint32Array, // dentry, version, or node
    private readonly nodes: Int32Array, // of the name, NO_NODE
    private readonly order: Uint32Array,
  ) {}

  /** @throws the signal's reason */
  static async of(
    view: ListedView,
    directory: ListedDirectory,
    order: 'name' | 'size',
    signal: AbortSignal,
  ): Promise<DirectoryRows> {
    const { tree, hidden } = view;
    const { inode, node } = directory;
    const [first, end] = inode === 0 ? [0, 0] : [tree.childStart(inode), tree.childEnd(inode)];
    const dentries = await sortInTurns(
      ascending(first, end),
      (a, b) => Buffer.compare(tree.dentryName(a), tree.dentryName(b)),
      signal,
    );
    const rows = new RowColumns(dentries.length + (hidden ? hiddenRowsMax(hidden, node) : 0));
    let child = hidden && node !== NO_NODE ? hidden.childStarts[node]! : 0;
    const last = hidden && node !== NO_NODE ? hidden.childEnds[node]! : 0;
    const turns = new Turns(signal);
    for (const dentry of dentries) {
      const turn = turns.due();
      if (turn) await turn; // no promise for each row
      const name = tree.dentryName(dentry);
      while (hidden && child < last && Buffer.compare(hiddenName(hidden, child), name) < 0)
        rows.addHidden(view, child++, false);
      const isShared = hidden && child < last && Buffer.compare(hiddenName(hidden, child), name) === 0;
      rows.add(LIVE!, dentry, isShared ? child : NO_NODE);
      if (isShared) rows.addHidden(view, child++, tree.kind(tree.dentryInode(dentry)) === 'dir');
    }
    while (child < last) {
      rows.addHidden(view, child++, false);
      const turn = turns.due();
      if (turn) await turn;
    }
    const { kinds, items, nodes, length } = rows;
    const inOrder = ascending(0, length);
    const found = new DirectoryRows(view, kinds, items, nodes, inOrder);
    if (order === 'name') return found;
    const sizes = new Float64Array(length);
    for (let row = 0; row < length; row++) {
      sizes[row] = found.#sizeOf(row);
      const turn = turns.due();
      if (turn) await turn;
    }
    const bySize = await sortInTurns(inOrder, (a, b) => sizes[b]! - sizes[a]! || a - b, signal);
    return new DirectoryRows(view, kinds, items, nodes, bySize);
  }

  get length(): number {
    return this.order.length;
  }

  at(position: number): ListedRow {
    const row = this.order[position]!;
    const { tree, hidden } = this.view;
    const item = this.items[row]!;
    if (this.kinds[row] === LIVE)
      return { kind: 'live', inode: tree.dentryInode(item), name: tree.dentryName(item) };
    const name = hiddenName(hidden!, this.nodes[row]!);
    if (this.kinds[row] === PASSED) return { kind: 'passed', name };
    return { kind: this.kinds[row] === HIDDEN ? 'hidden' : 'implied', version: item, name };
  }

  /** Returns the directory that a row stands for. Of one name only the first one is listed. */
  directoryAt(position: number): ListedDirectory | undefined {
    const row = this.order[position]!;
    if (!this.#isDirectory(row)) return undefined;
    const node = this.nodes[row]!;
    if (this.kinds[row] === LIVE) return { inode: this.view.tree.dentryInode(this.items[row]!), node };
    for (let before = row - 1; before >= 0 && this.nodes[before] === node; before--)
      if (this.#isDirectory(before)) return undefined;
    return { inode: 0, node };
  }

  #isDirectory(row: number): boolean {
    const { tree, tables, hidden } = this.view;
    const item = this.items[row]!;
    if (this.kinds[row] === IMPLIED || this.kinds[row] === PASSED) return true;
    if (this.kinds[row] === LIVE) return tree.kind(tree.dentryInode(item)) === 'dir';
    return tables.get(hidden!.layers[item]!)!.kind(hidden!.rows[item]!) === 'dir';
  }

  #sizeOf(row: number): number {
    const { tree, tables, hidden, sums } = this.view;
    const item = this.items[row]!;
    if (this.kinds[row] === IMPLIED || this.kinds[row] === PASSED) return 0;
    if (this.kinds[row] === LIVE) {
      const inode = tree.dentryInode(item);
      const kind = tree.kind(inode);
      return kind === 'dir' ? (sums?.bytes[inode] ?? 0) : kind === 'file' ? tree.size(inode) : 0;
    }
    const table = tables.get(hidden!.layers[item]!)!;
    const entry = hidden!.rows[item]!;
    return table.kind(entry) === 'file' ? table.size(entry) : 0;
  }
}

/** Rows while they are gathered. */
class RowColumns {
  readonly kinds: Uint8Array;
  readonly items: Uint32Array;
  readonly nodes: Int32Array;
  length = 0;

  constructor(capacity: number) {
    this.kinds = new Uint8Array(capacity);
    this.items = new Uint32Array(capacity);
    this.nodes = new Int32Array(capacity);
  }

  add(kind: number, item: number, node: number): void {
    this.kinds[this.length] = kind;
    this.items[this.length] = item;
    this.nodes[this.length++] = node;
  }

  /** @param isLiveDirectory the tree has a directory of that name */
  addHidden({ hidden, tables }: ListedView, node: number, isLiveDirectory: boolean): void {
    const columns = hidden!;
    let hasDirectory = isLiveDirectory;
    for (let version = columns.versionStarts[node]!; version < columns.versionStarts[node + 1]!; version++) {
      this.add(HIDDEN!, version, node);
      hasDirectory ||= tables.get(columns.layers[version]!)!.kind(columns.rows[version]!) === 'dir';
    }
    const hasChildren = columns.childStarts[node]! < columns.childEnds[node]!;
    if (!hasChildren || hasDirectory) return;
    const kind = columns.remains[node] === 1 ? PASSED! : IMPLIED!;
    this.add(kind, firstVersion(columns, node), node);
  }
}

/** Each name has its versions, and perhaps an implied directory. */
function hiddenRowsMax(columns: HiddenColumns, node: number): number {
  if (node === NO_NODE) return 0;
  const [first, end] = [columns.childStarts[node]!, columns.childEnds[node]!];
  return columns.versionStarts[end]! - columns.versionStarts[first]! + (end - first);
}
