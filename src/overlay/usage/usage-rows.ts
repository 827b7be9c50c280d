import { joinPath } from '../resolve-path.js';
import { NONE, type Usage, type UsageColumns } from './usage-columns.js';

/** What is at and below a path, of one group. */
export interface UsageRow extends Usage {
  names: readonly Uint8Array[]; // from the root of the image
  group: number;
  isStart: boolean; // a path that was asked for
}

/** `name`: what is below a path precedes it, names by their bytes. `size`: the largest first. */
export type UsageOrder = 'name' | 'size';

/**
 * Lists the rows of columns that are summed up: start by start, each start after what is below it,
 * as in du. A path without cells has no row.
 */
export function* usageRows(columns: UsageColumns, order: UsageOrder): Generator<UsageRow, void, undefined> {
  const children = new ChildLists(columns);
  const starts = columns.starts.map((start) => ({ ...start, path: joinPath(start.names) }));
  starts.sort((a, b) => Buffer.compare(a.path, b.path));
  for (const { node, names } of starts) {
    const below = cellsBelow(columns, children, node);
    const own = columns.cellsOf(node);
    if (order === 'size') {
      for (const cells of [below, own]) cells.sort((a, b) => columns.bytesOf(b) - columns.bytesOf(a));
    }
    for (const cell of below) yield rowOf(columns, cell, [...names, ...namesBelow(columns, cell)]);
    for (const cell of own) yield { ...rowOf(columns, cell, names), isStart: true };
  }
}

/** The cells of all paths below a start, in the order of `name`. */
function cellsBelow(columns: UsageColumns, children: ChildLists, start: number): number[] {
  const cells: number[] = [];
  const open = [{ node: start, below: children.sorted(start), next: 0 }]; // from the top down
  for (let last = open.at(-1)!; ; last = open.at(-1)!) {
    const child = last.below[last.next++];
    if (child !== undefined) {
      open.push({ node: child, below: children.sorted(child), next: 0 });
      continue;
    }
    open.pop();
    if (open.length === 0) return cells;
    for (const cell of columns.cellsOf(last.node)) cells.push(cell);
  }
}

function rowOf(columns: UsageColumns, cell: number, names: readonly Uint8Array[]): UsageRow {
  const [bytes, entries] = [columns.bytesOf(cell), columns.entriesOf(cell)];
  return { names, group: columns.groupOf(cell), isStart: false, bytes, entries };
}

/** The names from a cell's start to its path. */
function namesBelow(columns: UsageColumns, cell: number): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let at = columns.nodeOf(cell); columns.parentOf(at) !== NONE; at = columns.parentOf(at))
    names.push(columns.nameOf(at));
  return names.reverse();
}

const NO_CHILDREN: readonly number[] = [];

/** The children of each path, listed by a counting sort. */
class ChildLists {
  readonly #starts: Int32Array;
  readonly #children: Int32Array;

  constructor(private readonly columns: UsageColumns) {
    const { nodeCount } = columns;
    this.#starts = new Int32Array(nodeCount + 2);
    // Counted two places ahead: afterwards each start stands one place ahead.
    for (let node = 0; node < nodeCount; node++) {
      const parent = columns.parentOf(node);
      if (parent !== NONE) this.#starts[parent + 2]!++;
    }
    for (let at = 2; at < this.#starts.length; at++) this.#starts[at]! += this.#starts[at - 1]!;
    this.#children = new Int32Array(nodeCount);
    for (let node = 0; node < nodeCount; node++) {
      const parent = columns.parentOf(node);
      if (parent !== NONE) this.#children[this.#starts[parent + 1]!++] = node;
    }
  }

  /** Returns the children of a path, by the bytes of their names. */
  sorted(node: number): readonly number[] {
    const [start, end] = [this.#starts[node]!, this.#starts[node + 1]!];
    if (start === end) return NO_CHILDREN;
    const named = Array.from(this.#children.subarray(start, end), (child) => ({
      child,
      text: this.columns.textOf(child),
    }));
    named.sort((a, b) => (a.text < b.text ? -1 : 1));
    return named.map(({ child }) => child);
  }
}
