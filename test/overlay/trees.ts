import { expect } from 'vitest';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { ROOT_INODE, type Tree } from '#src/overlay/tree.js';
import { entriesOf, type TestEntry } from '../support/entries.js';

/** Layers as lists of entries, base first, numbered from 1. */
export type Stack = readonly (readonly TestEntry[])[];

export interface Merged {
  tree: Tree;
  warnings: string[];
  stack: Stack;
}

/** Merges and re-checks every invariant of the tree. */
export function merge(stack: Stack): Merged {
  const warnings: string[] = [];
  const layers = stack.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
  const tree = mergeLayers(layers, { onWarning: (message) => warnings.push(message) });
  checkTree(tree);
  return { tree, warnings, stack };
}

export interface Name {
  path: string; // latin1, without a leading slash; the root is ''
  inode: number;
}

/** All names in the order of a depth-first walk in readdir order; the root first. */
export function walk(tree: Tree): Name[] {
  const names: Name[] = [];
  const ahead: Name[] = [{ path: '', inode: ROOT_INODE }];
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    names.push(name);
    for (let dentry = tree.childEnd(name.inode) - 1; dentry >= tree.childStart(name.inode); dentry--) {
      const child = Buffer.from(tree.dentryName(dentry)).toString('latin1');
      ahead.push({
        path: name.path === '' ? child : `${name.path}/${child}`,
        inode: tree.dentryInode(dentry),
      });
    }
  }
  return names;
}

/** The inode of a path without symlinks, 0 when there is none. */
export function inodeAt(tree: Tree, path: string): number {
  let inode = ROOT_INODE;
  for (const name of path.split('/').filter((part) => part !== '')) {
    inode = tree.lookup(inode, Buffer.from(name));
    if (inode === 0) return 0;
  }
  return inode;
}

/** One line a name, sorted: `dir/`, `file=content`, `link->target`, `device char 1,3`. */
export function listing({ tree, stack }: Merged): string[] {
  const lines = walk(tree)
    .slice(1)
    .map(({ path, inode }) => {
      switch (tree.kind(inode)) {
        case 'dir':
          return `${path}/`;
        case 'file':
          return `${path}=${Buffer.from(stack[tree.layerOf(inode) - 1]![tree.rowOf(inode)]!.content).toString()}`;
        case 'symlink':
          return `${path}->${Buffer.from(tree.linkTarget(inode)).toString('latin1')}`;
        case 'fifo':
          return `${path} fifo`;
        default:
          return `${path} ${tree.kind(inode)} ${tree.deviceMajor(inode)},${tree.deviceMinor(inode)}`;
      }
    });
  return lines.sort();
}

/** What must hold of every tree, whatever the layers. */
export function checkTree(tree: Tree): void {
  const names = walk(tree);
  const links = new Map<number, number>();
  const subdirectories = new Map<number, number>();
  const least = new Map<number, number>(); // by directory: its least leaf
  expect(tree.parentOf(ROOT_INODE)).toBe(ROOT_INODE);

  for (const { path, inode } of names) {
    links.set(inode, (links.get(inode) ?? 0) + 1);
    const start = tree.childStart(inode);
    const end = tree.childEnd(inode);
    if (tree.kind(inode) !== 'dir') {
      expect(start, path).toBe(end);
      continue;
    }
    let before = 0;
    const seen = new Set<string>();
    for (let dentry = start; dentry < end; dentry++) {
      const child = tree.dentryInode(dentry);
      const name = tree.dentryName(dentry);
      expect(child, `order of ${path}`).toBeGreaterThanOrEqual(before);
      expect(child, `${path} before its children`).toBeGreaterThan(inode);
      before = child;
      seen.add(Buffer.from(name).toString('latin1'));
      expect(tree.lookup(inode, name)).toBe(child);
      if (tree.kind(child) === 'dir') {
        subdirectories.set(inode, (subdirectories.get(inode) ?? 0) + 1);
        expect(tree.parentOf(child)).toBe(inode);
      }
    }
    expect(seen.size, `names of ${path}`).toBe(end - start);
  }

  expect([...links.keys()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: tree.inodeCount }, (_, i) => i + 1),
  );
  for (const [inode, count] of links) {
    const wanted = tree.kind(inode) === 'dir' ? 2 + (subdirectories.get(inode) ?? 0) : count;
    expect(tree.nlink(inode), `nlink of ${inode}`).toBe(wanted);
    if (tree.kind(inode) === 'dir') expect(count, `names of directory ${inode}`).toBe(1);
  }

  // Layer and row identify an inode.
  const rows = names.filter(({ inode }) => tree.rowOf(inode) >= 0);
  const identities = new Map(rows.map(({ inode }) => [`${tree.layerOf(inode)}:${tree.rowOf(inode)}`, inode]));
  expect(identities.size).toBe(new Set(rows.map(({ inode }) => inode)).size);

  // Data order: leaves ascend by (layer, row); a directory stands where the first leaf below it does.
  let last = [0, -1];
  for (let inode = 1; inode <= tree.inodeCount; inode++) {
    if (tree.kind(inode) === 'dir') continue;
    const place = [tree.layerOf(inode), tree.rowOf(inode)];
    expect(place[0]! > last[0]! || (place[0] === last[0] && place[1]! > last[1]!), `place of ${inode}`).toBe(
      true,
    );
    last = place;
  }
  for (const { inode } of names.toReversed()) {
    let minimum = Number.POSITIVE_INFINITY;
    for (let dentry = tree.childStart(inode); dentry < tree.childEnd(inode); dentry++) {
      minimum = Math.min(minimum, least.get(tree.dentryInode(dentry))!);
    }
    least.set(inode, Number.isFinite(minimum) ? minimum : inode);
  }
  const leasts = Array.from({ length: tree.inodeCount }, (_, i) => least.get(i + 1)!);
  expect(leasts).toEqual(leasts.toSorted((a, b) => a - b));
}
