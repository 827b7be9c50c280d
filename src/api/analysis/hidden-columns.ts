import type { HiddenEntry } from '../../overlay/history/hidden-entries.js';
import type { HiddenNode } from '../../overlay/history/hidden-tree.js';
import { joinedNames } from './joined-names.js';

/** How an entry is hidden. */
export type HidingWay = HiddenEntry['how'];

/** What a number in `hows` stands for. */
export const HIDING_WAYS: readonly HidingWay[] = ['whiteout', 'opaque', 'replaced'];

/**
 * What upper layers hide, by path, as columns. A node is a path at or below which something is
 * hidden; node 0 is the root. The children of a node are a range of nodes, sorted by the bytes of
 * their names.
 */
export interface HiddenColumns {
  names: Uint8Array; // of all nodes
  nameStarts: Uint32Array; // by node; one more than nodes
  childStarts: Uint32Array; // by node: its first child
  childEnds: Uint32Array;
  versionStarts: Uint32Array; // by node; one more than nodes: the one that was hidden last comes first
  layers: Uint16Array; // by version: number of the layer that the entry comes from
  rows: Int32Array; // by version: its row
  hiders: Uint16Array; // by version: number of the layer that hides it
  hows: Uint8Array; // by version
  remains: Uint8Array; // by node, as in HiddenNode: 1 if a directory remains there
}

/** Returns a tree of what is hidden as columns. */
export function hiddenColumns(root: HiddenNode): HiddenColumns {
  const nodes: HiddenNode[] = [root];
  const childStarts: number[] = [];
  const childEnds: number[] = [];
  for (let at = 0; at < nodes.length; at++) {
    const children = [...(nodes[at]!.children?.values() ?? [])];
    children.sort((a, b) => Buffer.compare(a.name, b.name));
    childStarts.push(nodes.length);
    for (const child of children) nodes.push(child);
    childEnds.push(nodes.length);
  }
  const versionStarts = new Uint32Array(nodes.length + 1);
  for (const [node, { versions }] of nodes.entries())
    versionStarts[node + 1] = versionStarts[node]! + versions.length;
  const count = versionStarts[nodes.length]!;
  const columns: HiddenColumns = {
    ...joinedNames(nodes.map(({ name }) => name)),
    childStarts: Uint32Array.from(childStarts),
    childEnds: Uint32Array.from(childEnds),
    versionStarts,
    layers: new Uint16Array(count),
    rows: new Int32Array(count),
    hiders: new Uint16Array(count),
    hows: new Uint8Array(count),
    remains: Uint8Array.from(nodes, ({ remains }) => (remains ? 1 : 0)),
  };
  let at = 0;
  for (const { versions } of nodes) {
    for (const { layer, row, hiddenBy, how } of versions) {
      columns.layers[at] = layer;
      columns.rows[at] = row;
      columns.hiders[at] = hiddenBy;
      columns.hows[at++] = HIDING_WAYS.indexOf(how);
    }
  }
  return columns;
}

/** The root of `HiddenColumns`. */
export const HIDDEN_ROOT = 0;

/** No node. */
export const NO_NODE = -1;

export function hiddenName({ names, nameStarts }: HiddenColumns, node: number): Uint8Array {
  return names.subarray(nameStarts[node], nameStarts[node + 1]);
}

/** Returns the child of a node, NO_NODE if it has none of that name. */
function hiddenChild(columns: HiddenColumns, node: number, name: Uint8Array): number {
  if (node === NO_NODE) return NO_NODE;
  let [low, high] = [columns.childStarts[node]!, columns.childEnds[node]!];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = Buffer.compare(hiddenName(columns, middle), name);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return NO_NODE;
}

/** @param names from the root */
export function hiddenNodeAt(columns: HiddenColumns, names: readonly Uint8Array[]): number {
  return names.reduce((node, name) => hiddenChild(columns, node, name), HIDDEN_ROOT);
}

/** Returns the version that was hidden last, at the node or first below it. */
export function firstVersion({ versionStarts, childStarts }: HiddenColumns, node: number): number {
  let at = node;
  while (versionStarts[at] === versionStarts[at + 1]) at = childStarts[at]!;
  return versionStarts[at]!;
}
