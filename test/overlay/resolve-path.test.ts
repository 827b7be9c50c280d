import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FollowedLinks,
  joinPath,
  missingPathError,
  type Resolved,
  resolvePath,
  splitPath,
} from '#src/overlay/resolve-path.js';
import { ROOT_INODE, type Tree } from '#src/overlay/tree.js';
import { dir, file, symlink } from '../support/entries.js';
import { askedPath, stack } from './random-layers.js';
import { merge } from './trees.js';

const { tree } = merge([
  [
    dir('etc/'),
    file('etc/passwd'),
    symlink('etc/up', '..'),
    symlink('etc/self', 'self'),
    symlink('bin', 'usr/bin'),
    file('usr/bin/sh'),
    symlink('usr/bin/ash', 'sh'),
    symlink('usr/bin/gone', '/nowhere/x'),
    symlink('abs', '/etc/passwd'),
  ],
]);

function told(resolved: Resolved): string {
  const at = joinPath(resolved.names).toString();
  if (resolved.kind !== 'missing') return `${resolved.kind} ${at}`;
  const { name, rest, isLinked } = resolved;
  return `missing ${at} + ${[name, ...rest].map(String).join('/')}${isLinked ? ' by a link' : ''}`;
}

describe('resolvePath', () => {
  it.each<[string, string, string, string]>([
    // path, all links, those of parents, none
    ['/', 'found /', 'found /', 'found /'],
    ['etc/passwd', 'found /etc/passwd', 'found /etc/passwd', 'found /etc/passwd'],
    ['/etc//./passwd', 'found /etc/passwd', 'found /etc/passwd', 'found /etc/passwd'],
    ['/../../etc/../etc/passwd', 'found /etc/passwd', 'found /etc/passwd', 'found /etc/passwd'],
    ['/bin', 'found /usr/bin', 'found /bin', 'found /bin'],
    ['/bin/.', 'found /usr/bin', 'found /usr/bin', 'no-directory /bin'],
    ['/bin/sh', 'found /usr/bin/sh', 'found /usr/bin/sh', 'no-directory /bin'],
    ['/bin/ash', 'found /usr/bin/sh', 'found /usr/bin/ash', 'no-directory /bin'],
    ['/bin/..', 'found /usr', 'found /usr', 'no-directory /bin'],
    ['/etc/up/bin/sh', 'found /usr/bin/sh', 'found /usr/bin/sh', 'no-directory /etc/up'],
    ['/abs', 'found /etc/passwd', 'found /abs', 'found /abs'],
    ['/abs/x', 'no-directory /etc/passwd', 'no-directory /etc/passwd', 'no-directory /abs'],
    ['/etc/self', 'loop /etc/self', 'found /etc/self', 'found /etc/self'],
    ['/etc/self/x', 'loop /etc/self', 'loop /etc/self', 'no-directory /etc/self'],
    ['/etc/no/x', 'missing /etc + no/x', 'missing /etc + no/x', 'missing /etc + no/x'],
    ['/bin/no', 'missing /usr/bin + no by a link', 'missing /usr/bin + no by a link', 'no-directory /bin'],
    ['/usr/bin/gone', 'missing / + nowhere/x by a link', 'found /usr/bin/gone', 'found /usr/bin/gone'],
  ])('%s', (path, ...wanted) => {
    const follows: FollowedLinks[] = ['all', 'parents', 'none'];
    expect(follows.map((follow) => told(resolvePath(tree, splitPath(Buffer.from(path)), follow)))).toEqual(
      wanted,
    );
  });

  /** Of a path without `.` and `..`, name by name. */
  function literally(within: Tree, names: readonly Uint8Array[]): number {
    let inode = ROOT_INODE;
    for (const name of names) inode = within.kind(inode) === 'dir' ? within.lookup(inode, name) || -1 : -1;
    return inode;
  }

  it('gives names without links, and differs by the last link only', () => {
    fc.assert(
      fc.property(stack, askedPath, (layers, path) => {
        const merged = merge(layers).tree;
        const parents = resolvePath(merged, path, 'parents');
        const all = resolvePath(merged, path);
        for (const resolved of [parents, all]) {
          if (resolved.kind === 'found') expect(literally(merged, resolved.names)).toBe(resolved.inode);
        }
        if (parents.kind === 'found' && merged.kind(parents.inode) !== 'symlink')
          expect(all).toEqual(parents);
        if (parents.kind !== 'found') expect(told(all)).toBe(told(parents));
        const plain = path.filter((name) => !/^\.\.?$/.test(String(name)));
        const none = resolvePath(merged, plain, 'none');
        expect(none.kind === 'found' ? none.inode : -1).toBe(literally(merged, plain));
      }),
      { numRuns: 1000 },
    );
  });
});

it.each([
  ['/etc/no/x', {}, 'no such file in image: /etc/no/x (/etc exists)'],
  ['/no', {}, 'no such file in image: /no'],
  ['/no', { where: 'layer 2', hint: 'try later' }, 'no such file in layer 2: /no (try later)'],
  ['/bin/no', {}, 'no such file in image: /bin/no -> /usr/bin/no (/usr/bin exists)'],
  ['/etc/passwd/x', {}, 'no such file in image: /etc/passwd/x (not a directory: /etc/passwd)'],
  ['/etc/self', {}, 'too many levels of symbolic links: /etc/self'],
])('missingPathError of %s %o', (path, context, message) => {
  const resolved = resolvePath(tree, splitPath(Buffer.from(path)));
  if (resolved.kind === 'found') throw new Error('it is there');
  expect(missingPathError(resolved, Buffer.from(path), context)).toMatchObject({
    code: 'NOT_FOUND',
    message,
  });
});
