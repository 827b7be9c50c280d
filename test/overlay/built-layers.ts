import fc from 'fast-check';
import { dir, fifo, file, hardlink, opaque, symlink, type TestEntry, whiteout } from '../support/entries.js';
import { naiveMerge } from './merge/naive-merge.js';
import type { Stack } from './trees.js';

const names = ['a', 'b', 'c'] as const;
const path = fc
  .array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'));
const kind = fc.constantFrom('file', 'file', 'dir', 'symlink', 'fifo', 'hardlink', 'whiteout', 'opaque');

/** What each layer of a random image should have. `builtStack` leaves out what does not fit. */
export const plannedLayers = fc.array(fc.array(fc.record({ path, kind, pick: fc.nat() }), { maxLength: 8 }), {
  minLength: 1,
  maxLength: 4,
});

/**
 * Returns layers as builders write them, of which umoci and the project's rules make the same tree.
 */
export function builtStack(plans: readonly (readonly Wish[])[]): TestEntry[][] {
  const stack: TestEntry[][] = [];
  for (const plan of plans) stack.push(layerOf(plan, stack));
  return stack;
}

interface Wish {
  path: string;
  kind: string;
  pick: number;
}

/**
 * A layer without what umoci and rules O1 and O5 see differently: each path once, every parent
 * named, nothing recreated.
 */
function layerOf(plan: readonly Wish[], lower: Stack): TestEntry[] {
  const layer = new Map<string, TestEntry>();
  const markers = new Map<string, TestEntry>();
  const whitedOut = new Set<string>();
  const below = naiveMerge(lower).names;
  let time = 1_000_000 * (lower.length + 1);
  const mtime = () => ({ mtime: time++ });
  const parentsOf = (path: string) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, i, all) => all.slice(0, i + 1).join('/'));
  const touches = (path: string) =>
    [...layer.keys()].some((own) => own === path || own.startsWith(`${path}/`));
  const hidden = (path: string) => [path, ...parentsOf(path)].some((part) => whitedOut.has(part));

  for (const { path, kind, pick } of plan) {
    const parents = parentsOf(path);
    if (parents.some((parent) => (layer.get(parent)?.kind ?? 'dir') !== 'dir')) continue;
    if (layer.has(path) || hidden(path)) continue;
    if (kind === 'whiteout' || kind === 'opaque') {
      const real = parents.every((parent) => below.get(parent)?.node.kind === 'dir');
      if (!real || !below.has(path)) continue;
      if (kind === 'opaque' && below.get(path)?.node.kind === 'dir') {
        markers.set(`${path} opaque`, opaque(path));
      } else if (kind === 'whiteout' && !touches(path)) {
        markers.set(path, whiteout(path));
        whitedOut.add(path);
      }
      continue;
    }
    const targets = [...layer.values()]
      .filter((entry) => entry.kind === 'file')
      .map((entry) => Buffer.from(entry.path).toString());
    if (kind === 'hardlink' && targets.length === 0) continue;
    for (const parent of parents) if (!layer.has(parent)) layer.set(parent, dir(parent, mtime()));
    if (kind === 'dir') layer.set(path, dir(path, mtime()));
    else if (kind === 'symlink') layer.set(path, symlink(path, ['a', '../b', '/c'][pick % 3]!, mtime()));
    else if (kind === 'fifo') layer.set(path, fifo(path, mtime()));
    else if (kind === 'hardlink') layer.set(path, hardlink(path, targets[pick % targets.length]!));
    else layer.set(path, file(path, `${path} of layer ${lower.length + 1}`, mtime()));
  }
  // umoci follows a link of the same layer to find where a marker stands.
  for (const [key, marker] of markers) {
    const path = Buffer.from(marker.path).toString();
    if (parentsOf(path).some((parent) => (layer.get(parent)?.kind ?? 'dir') !== 'dir')) markers.delete(key);
  }
  // umoci leaves its own time on directories that an opaque marker empties after they were made.
  // So such markers come first.
  const isOpaque = (marker: TestEntry) => Buffer.from(marker.path).includes('.opq');
  const all = [...markers.values()];
  return [...all.filter(isOpaque), ...layer.values(), ...all.filter((marker) => !isOpaque(marker))];
}
