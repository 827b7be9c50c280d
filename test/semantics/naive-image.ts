/**
 * Rules O1 to O8, done the slow and obvious way on objects: layer by layer, markers first, entry by
 * entry. An independent oracle: it shares no code with the program.
 */

export interface Op {
  kind: 'file' | 'dir' | 'symlink' | 'hardlink' | 'fifo' | 'whiteout' | 'opaque';
  path: string; // of a whiteout: the hidden name; of an opaque marker: its directory
  target?: string; // of links
  stamp: number; // content of files, mtime of all
}

interface Inode {
  kind: 'file' | 'symlink' | 'fifo';
  stamp: number;
  layer: number;
  target: string;
}

interface Directory {
  kind: 'dir';
  stamp: number; // 0: no entry named it
  layer: number; // whose attributes it has
  children: Map<string, Dentry>;
}

interface Dentry {
  node: Inode | Directory;
  layer: number; // that put it there
}

/** As the kernel's, so that no chain of links is without an end. */
const LINKS_FOLLOWED = 40;

export interface NaiveFile {
  kind: string;
  stamp: number;
  layer: number;
  target: string;
  names: string; // of its inode, sorted; '' for directories
}

export function naiveImage(layers: readonly (readonly Op[])[]): Map<string, NaiveFile> {
  const root: Directory = { kind: 'dir', stamp: 0, layer: 0, children: new Map() };
  layers.forEach((ops, at) => {
    for (const op of ops) if (op.kind === 'whiteout' || op.kind === 'opaque') mark(root, op);
    for (const op of ops) if (op.kind !== 'whiteout' && op.kind !== 'opaque') place(root, op, at + 1);
  });
  return listed(root);
}

function components(path: string): string[] {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return out;
}

function mark(root: Directory, op: Op): void {
  const parts = components(op.path);
  const name = op.kind === 'whiteout' ? parts.pop()! : '';
  let directory = root;
  for (const part of parts) {
    const node = directory.children.get(part)?.node;
    if (node?.kind !== 'dir') return;
    directory = node;
  }
  if (op.kind === 'whiteout') directory.children.delete(name);
  else directory.children.clear();
}

function place(root: Directory, op: Op, layer: number): void {
  const parts = components(op.path);
  const name = parts.pop();
  if (name === undefined) return;
  let node: Inode | Directory;
  let target: Dentry | undefined;
  if (op.kind === 'hardlink') {
    target = targetOf(root, op.target!);
    if (target === undefined || target.node.kind === 'dir') return;
    node = target.node;
  } else if (op.kind === 'dir') {
    node = { kind: 'dir', stamp: op.stamp, layer, children: new Map() };
  } else {
    node = { kind: op.kind, stamp: op.stamp, layer, target: op.target ?? '' } as Inode;
  }
  const parent = parentFor(root, parts, layer);
  if (parent === undefined) return;
  const before = parent.children.get(name);
  if (before !== undefined && before === target) return; // itself; another name of the inode is not
  if (op.kind === 'dir' && before?.node.kind === 'dir') {
    before.node.stamp = op.stamp;
    before.node.layer = layer;
    return;
  }
  // Deleted first: a name that comes again comes last.
  parent.children.delete(name);
  parent.children.set(name, { node, layer });
}

/** Rule 5. */
function parentFor(root: Directory, parts: readonly string[], layer: number): Directory | undefined {
  const left = [...parts];
  let way = [root];
  let followed = 0;
  while (left.length > 0) {
    const part = left.shift()!;
    const here = way[way.length - 1]!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (way.length > 1) way.pop();
      continue;
    }
    const dentry = here.children.get(part);
    if (dentry?.node.kind === 'dir') way.push(dentry.node);
    else if (dentry?.node.kind === 'symlink' && dentry.layer === layer) {
      if (++followed > LINKS_FOLLOWED) return undefined;
      if (dentry.node.target.startsWith('/')) way = [root];
      left.unshift(...dentry.node.target.split('/'));
    } else {
      const made: Directory = { kind: 'dir', stamp: 0, layer, children: new Map() };
      here.children.delete(part);
      here.children.set(part, { node: made, layer });
      way.push(made);
    }
  }
  return way[way.length - 1];
}

/** Rule 7: parents are followed whosever links they are, the last component is not. */
function targetOf(root: Directory, path: string): Dentry | undefined {
  const left = components(path);
  const name = left.pop();
  if (name === undefined) return undefined;
  let way = [root];
  let followed = 0;
  while (left.length > 0) {
    const part = left.shift()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (way.length > 1) way.pop();
      continue;
    }
    const node = way[way.length - 1]!.children.get(part)?.node;
    if (node?.kind === 'dir') way.push(node);
    else if (node?.kind === 'symlink') {
      if (++followed > LINKS_FOLLOWED) return undefined;
      if (node.target.startsWith('/')) way = [root];
      left.unshift(...node.target.split('/'));
    } else return undefined;
  }
  return way[way.length - 1]!.children.get(name);
}

function listed(root: Directory): Map<string, NaiveFile> {
  const names = new Map<Inode, string[]>();
  const all: [string, Inode | Directory][] = [];
  const walk = (path: string, node: Inode | Directory) => {
    all.push([path, node]);
    if (node.kind !== 'dir') names.set(node, [...(names.get(node) ?? []), path]);
    else for (const [name, child] of node.children) walk(path === '' ? name : `${path}/${name}`, child.node);
  };
  walk('', root);
  return new Map(
    all.map(([path, node]) => [
      path,
      {
        kind: node.kind,
        stamp: node.stamp,
        layer: node.layer,
        target: node.kind === 'dir' ? '' : node.target,
        names: node.kind === 'dir' ? '' : names.get(node)!.sort().join(' '),
      },
    ]),
  );
}
