import type { UsageRecord } from '../../../api/schemas/results.js';
import { pathOf } from '../../model/raw-path.js';

/** A directory or file with the bytes below it. */
export interface UsageNode {
  path: string;
  name: string;
  bytes: number;
  entries: number;
  layer: number; // that has the most of the bytes; 0: not known
  isRest: boolean; // what is too small to be listed
  children: UsageNode[]; // the largest first
}

/**
 * Returns the tree of usage rows below a path.
 * @param rows with layers, of each path one a layer; or of one layer
 * @param totalBytes below the path, if the rows are not all
 * @param layer of rows without one
 */
export function usageTree(
  rows: readonly UsageRecord[],
  path: string,
  { totalBytes = 0, layer = 0 }: { totalBytes?: number | undefined; layer?: number | undefined } = {},
): UsageNode {
  const nodes = new Map<string, UsageNode>();
  const largest = new Map<UsageNode, number>(); // bytes of its layer
  const root = newNode(path, path, layer);
  nodes.set(path, root);
  for (const row of rows) {
    const own = pathOf(row);
    if (own !== path && !own.startsWith(below(path))) continue;
    let node = nodes.get(own);
    if (node === undefined) {
      node = newNode(own, own.slice(own.lastIndexOf('/') + 1), layer);
      nodes.set(own, node);
    }
    node.bytes += row.bytes;
    node.entries += row.entries;
    if (row.layer !== undefined && row.bytes >= (largest.get(node) ?? 0)) {
      largest.set(node, row.bytes);
      node.layer = row.layer;
    }
  }
  for (const node of nodes.values()) {
    if (node === root) continue;
    const parent = nodes.get(node.path.slice(0, node.path.lastIndexOf('/')) || '/') ?? root;
    parent.children.push(node);
  }
  root.bytes = Math.max(root.bytes, totalBytes, sumOf(root.children));
  for (const node of nodes.values()) {
    node.children.sort((a, b) => b.bytes - a.bytes);
    addRest(node);
  }
  return root;
}

function newNode(path: string, name: string, layer: number): UsageNode {
  return { path, name, bytes: 0, entries: 0, layer, isRest: false, children: [] };
}

/** A directory has more than what is listed of it: the areas must add up. */
function addRest(node: UsageNode): void {
  if (node.children.length === 0) return;
  const bytes = node.bytes - sumOf(node.children);
  if (bytes > 0) node.children.push({ ...newNode(node.path, 'smaller ones', 0), bytes, isRest: true });
}

function sumOf(nodes: readonly UsageNode[]): number {
  return nodes.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Returns how paths below a directory begin. */
export function below(path: string): string {
  return path === '/' ? '/' : `${path}/`;
}

/** `12.3%`; of nothing 0. */
export function percentText(bytes: number, all: number): string {
  return `${(all === 0 ? 0 : (bytes / all) * 100).toFixed(1)}%`;
}
