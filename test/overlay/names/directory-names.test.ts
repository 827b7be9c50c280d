import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesIn } from '#src/overlay/names/directory-names.js';
import { findDirectory } from '#src/overlay/names/find-directory.js';
import { resolvePath } from '#src/overlay/resolve-path.js';
import {
  dir,
  entriesOf,
  file,
  hardlink,
  opaque,
  symlink,
  type TestEntry,
  whiteout,
} from '../../support/entries.js';
import { inodeAt, merge, type Stack, walk } from '../trees.js';

const tablesOf = (stack: Stack) => stack.map((entries) => entriesOf(...entries));

/** `name kind`, sorted. */
function names(stack: Stack, directory = '', prefix = '', limit = 1000): string[] {
  const query = { prefix: Buffer.from(prefix), limit };
  const listed = namesIn(tablesOf(stack), Buffer.from(directory), query);
  return listed.map(({ name, kind }) => `${Buffer.from(name)} ${kind}`).sort();
}

/** The same from a merged tree. */
function mergedNames(stack: Stack, directory: string): string[] {
  const { tree } = merge(stack);
  const inode = inodeAt(tree, directory);
  const found: string[] = [];
  for (let dentry = tree.childStart(inode); dentry < tree.childEnd(inode); dentry++) {
    const kind = tree.kind(tree.dentryInode(dentry));
    const shown = kind === 'dir' || kind === 'symlink' ? kind : 'other';
    found.push(`${Buffer.from(tree.dentryName(dentry))} ${shown}`);
  }
  return found.sort();
}

const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'c'), { minLength: 1, maxLength: 3 })
  .map((components) => components.join('/'));
const target = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom('a', 'b', 'ab', '..', '.'), { minLength: 1, maxLength: 3 }))
  .map(([absolute, components]) => (absolute ? '/' : '') + components.join('/'));
const entry: fc.Arbitrary<TestEntry> = fc.oneof(
  { weight: 4, arbitrary: path.map((name) => file(name)) },
  { weight: 3, arbitrary: path.map((name) => dir(`${name}/`)) },
  { weight: 2, arbitrary: fc.tuple(path, target).map(([name, to]) => symlink(name, to)) },
  { weight: 2, arbitrary: path.map((name) => whiteout(name)) },
  { weight: 1, arbitrary: fc.oneof(fc.constant(''), path).map(opaque) },
);
/** Each path once, nothing below what is no directory: rules O5 and O6 say more there. */
const layer = fc.tuple(fc.boolean(), fc.array(entry, { maxLength: 8 })).map(([isDotted, entries]) => {
  const kept: TestEntry[] = [];
  const text = (one: TestEntry) => Buffer.from(one.path).toString().replace(/\/$/, '');
  for (const one of entries) {
    const clash = kept.some((other) => {
      const [mine, others] = [text(one), text(other)];
      if (mine === others) return true;
      const [upper, lower] = mine.length < others.length ? [one, other] : [other, one];
      return upper.kind !== 'dir' && text(lower).startsWith(`${text(upper)}/`);
    });
    if (!clash) kept.push(one);
  }
  if (!isDotted) return kept;
  return kept.map((one) => ({ ...one, path: Buffer.concat([Buffer.from('./'), one.path]) }));
});
const stack = fc.array(layer, { minLength: 1, maxLength: 4 });

describe('names without a merge', () => {
  it('are those of the merged tree, in each of its directories', () => {
    fc.assert(
      fc.property(stack, (layers) => {
        const { tree } = merge(layers);
        for (const { path: directory, inode } of walk(tree)) {
          if (tree.kind(inode) !== 'dir') continue;
          const wanted = mergedNames(layers, directory);
          expect(names(layers, directory), directory).toEqual(wanted);
          expect(names(layers, directory, 'a')).toEqual(wanted.filter((name) => name.startsWith('a')));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('are found behind symlinks as in the merged tree', () => {
    const asked = fc.array(fc.constantFrom('a', 'b', 'ab', '..'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(stack, asked, (layers, components) => {
        const { tree } = merge(layers);
        const found = findDirectory(tablesOf(layers), components.join('/'), { rows: 1e6 });
        const resolved = resolvePath(
          tree,
          components.map((one) => Buffer.from(one)),
        );
        const inode = 'inode' in resolved ? resolved.inode : 0;
        const isDirectory = inode !== 0 && tree.kind(inode) === 'dir';
        if (!isDirectory) {
          expect(found === undefined ? [] : names(layers, found.toString())).toEqual([]);
          return;
        }
        expect(inodeAt(tree, Buffer.from(found!).toString())).toBe(inode);
      }),
      { numRuns: 400 },
    );
  });

  it('are not found past a budget, which links that lead to and fro use up', () => {
    const layers = tablesOf([[dir('a/'), symlink('back', 'a/../'.repeat(500)), symlink('b', 'back/back/a')]]);
    const budget = { rows: 1500 };
    expect(findDirectory(layers, 'b', budget)).toBeUndefined();
    expect(budget.rows).toBeGreaterThan(-10);
    expect(findDirectory(layers, 'b', { rows: 4500 })?.toString()).toBe('a');
  });

  it('may be limited, and exact', () => {
    const base = [[file('a'), file('ab'), file('abc')]];
    expect(names(base, '', 'a', 2)).toHaveLength(2);
    const query = { prefix: Buffer.from('ab'), isExact: true, limit: 9 };
    const listed = namesIn(tablesOf(base), Buffer.from(''), query);
    expect(listed.map(({ name }) => Buffer.from(name).toString())).toEqual(['ab']);
  });

  it('are not found where bytes of two paths touch', () => {
    // `x/us` and `r/a`: together they read `us` `r/a`.
    expect(names([[file('x/us'), file('r/a'), file('usr/b')]], 'usr')).toEqual(['b other']);
  });

  it('are bytes, hard links too', () => {
    const odd = Buffer.from([0x64, 0x2f, 0xff]);
    const [one] = namesIn(tablesOf([[file(odd), hardlink('d/h', 'x')]]), Buffer.from('d'), {
      prefix: Buffer.of(0xff),
      limit: 9,
    });
    expect(one).toMatchObject({ name: Buffer.of(0xff), kind: 'other' });
  });
});
