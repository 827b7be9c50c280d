import { posix } from 'node:path';
import type { TestEntry } from '../../support/entries.js';
import type { Stack } from '../trees.js';

/** Rules O1 to O8 word by word, with objects and Maps and no thought of speed: an oracle for the merge. */

interface NaiveNode {
  kind: TestEntry['kind'];
  layer: number;
  row: number; // -1: implied
  target: string;
  children: Map<string, { node: NaiveNode; layer: number }>;
}

export interface NaiveResult {
  /** path to `kind layer:row`, and the id of the node: names of one id are one inode. */
  names: Map<string, { what: string; node: NaiveNode }>;
  /** `layer:row` of entries that are skipped with a warning. */
  skipped: string[];
}

const implied = (layer: number): NaiveNode => ({
  kind: 'dir',
  layer,
  row: -1,
  target: '',
  children: new Map(),
});

export function naiveMerge(stack: Stack): NaiveResult {
  const root = implied(1);
  const hidden = implied(1); // aufs metadata
  const skipped: string[] = [];

  const nodeAt = (from: NaiveNode, path: string[]): NaiveNode | undefined =>
    path.reduce<NaiveNode | undefined>((node, name) => node?.children.get(name)?.node, from);

  stack.forEach((entries, i) => {
    const layer = i + 1;
    const paths = entries.map((entry) => clean(text(entry.path)));

    // First pass: markers against the lower layers.
    for (const path of paths) {
      if (roleOf(path) === 'opaque') {
        nodeAt(root, path.slice(0, -1))?.children.clear();
      } else if (roleOf(path) === 'whiteout') {
        nodeAt(root, path.slice(0, -1))?.children.delete(path.at(-1)!.slice('.wh.'.length));
      }
    }

    // Where a path of directories leads when some symlinks are followed, inside the root; undefined: a loop.
    const locate = (path: string[], followed: (made: number) => boolean): string[] | undefined => {
      const ahead = [...path];
      let at: string[] = [];
      let links = 0;
      while (ahead.length > 0) {
        const name = ahead.shift()!;
        if (name === '..') {
          at.pop();
          continue;
        }
        const found = nodeAt(root, at)?.children.get(name);
        if (found?.node.kind === 'symlink' && followed(found.layer)) {
          if (++links > 40) return undefined;
          if (found.node.target.startsWith('/')) at = [];
          ahead.unshift(...found.node.target.split('/').filter((part) => part !== '' && part !== '.'));
        } else {
          at.push(name);
        }
      }
      return at;
    };

    const place = (row: number): boolean => {
      const entry = entries[row]!;
      const path = paths[row]!;
      const role = roleOf(path);
      if (text(entry.path) === '' || role === 'malformed') return false;
      if (role === 'whiteout' || role === 'opaque') return true;
      if (path.length === 0) {
        if (entry.kind !== 'dir') return false;
        Object.assign(root, { layer, row });
        return true;
      }
      if (entry.kind === 'symlink' && entry.linkTarget.length === 0) return false;

      let linked: NaiveNode | undefined;
      let linkedIn: [NaiveNode, string] | undefined;
      if (entry.kind === 'hardlink') {
        const target = clean(text(entry.linkTarget));
        const aufs = roleOf(target) === 'aufs';
        const parents = aufs ? target.slice(0, -1) : locate(target.slice(0, -1), () => true);
        if (target.length === 0 || parents === undefined) return false;
        const directory = nodeAt(aufs ? hidden : root, parents);
        linked = directory?.children.get(target.at(-1)!)?.node;
        if (directory === undefined || linked === undefined || linked.kind === 'dir') return false;
        linkedIn = [directory, target.at(-1)!];
      }

      const aufs = role === 'aufs';
      const parents = aufs ? path.slice(0, -1) : locate(path.slice(0, -1), (made) => made === layer);
      if (parents === undefined) return false;
      let directory = aufs ? hidden : root;
      for (const name of parents) {
        if (directory.children.get(name)?.node.kind !== 'dir') {
          directory.children.set(name, { node: implied(layer), layer });
        }
        directory = directory.children.get(name)!.node;
      }

      const name = path.at(-1)!;
      if (linkedIn?.[0] === directory && linkedIn[1] === name) return false;
      const old = directory.children.get(name)?.node;
      if (entry.kind === 'dir' && old?.kind === 'dir') {
        Object.assign(old, { layer, row });
        return true;
      }
      const made = { kind: entry.kind, layer, row, target: text(entry.linkTarget), children: new Map() };
      directory.children.set(name, { node: linked ?? made, layer });
      return true;
    };

    // Second pass: the layer's entries.
    entries.forEach((_, row) => {
      if (!place(row)) skipped.push(`${layer}:${row}`);
    });
  });

  const names: NaiveResult['names'] = new Map();
  const visit = (path: string, node: NaiveNode): void => {
    names.set(path, { what: `${node.kind} ${node.layer}:${node.row}`, node });
    for (const [name, child] of node.children) visit(path === '' ? name : `${path}/${name}`, child.node);
  };
  visit('', root);
  return { names, skipped };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function clean(path: string): string[] {
  return posix
    .normalize(`/${path}`)
    .split('/')
    .filter((part) => part !== '');
}

function roleOf(path: string[]): 'entry' | 'whiteout' | 'opaque' | 'aufs' | 'malformed' {
  const at = path.findIndex((name) => name.startsWith('.wh.'));
  if (at === -1) return 'entry';
  const name = path[at]!;
  if (name.startsWith('.wh..wh.') && name !== '.wh..wh..opq') return 'aufs';
  if (at < path.length - 1) return 'malformed';
  if (name === '.wh..wh..opq') return 'opaque';
  return ['.wh.', '.wh..', '.wh...'].includes(name) ? 'malformed' : 'whiteout';
}
