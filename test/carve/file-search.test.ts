import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileSearch } from '#dist/carve/file-search.js';
import type { WantedFile } from '#dist/carve/wanted-file.js';
import { mergeLayers } from '#dist/overlay/merge.js';
import { resolvePath } from '#dist/overlay/resolve-path.js';
import { askedPath, stack } from '../overlay/random-layers.js';
import { type Stack, walk } from '../overlay/trees.js';
import {
  dir,
  entriesOf,
  fifo,
  file,
  hardlink,
  opaque,
  symlink,
  type TestEntry,
  whiteout,
} from '../support/entries.js';
import { asked, SearchedStack } from './searched-stack.js';

/** What comes of a search: by path `layer:row content`, or the code of why not; a `*` when it is unverified. */
async function search(
  source: SearchedStack,
  layers: Stack,
  wanted: readonly WantedFile[],
  { verify = false, numbers = layers.map((_, i) => i + 1) } = {},
): Promise<string[]> {
  const contents = new Map<WantedFile, Buffer>();
  const results = new Map<WantedFile, string>();
  const tell = (one: WantedFile, what: string) => {
    expect(results.has(one), `${one.text} is told of twice`).toBe(false);
    results.set(one, what);
  };
  await new FileSearch(wanted, {
    session: source.session,
    image: source.image,
    numbers,
    verify,
    begin(one, { size }) {
      const content = Buffer.alloc(size);
      contents.set(one, content);
      return { write: (bytes, offset) => content.set(bytes, offset) };
    },
    done: ({ wanted: one, file: found, unverified }) =>
      tell(one, `${found.layer}:${found.row} ${contents.get(one)}${unverified ? ' *' : ''}`),
    failed: (one, error) => tell(one, error.code),
  }).run();
  expect(results.size).toBe(wanted.length);
  return wanted.map((one) => results.get(one)!);
}

/** What the merged tree says of the same. */
function merged(layers: Stack, wanted: readonly WantedFile[]): string[] {
  const tree = mergeLayers(layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 })));
  return wanted.map(({ path }) => {
    const resolved = resolvePath(tree, path);
    if (resolved.kind !== 'found') return 'NOT_FOUND';
    const kind = tree.kind(resolved.inode);
    if (kind === 'dir') return 'INVALID_ARGUMENT';
    if (kind !== 'file') return 'UNSUPPORTED';
    const [layer, row] = [tree.layerOf(resolved.inode), tree.rowOf(resolved.inode)];
    return `${layer}:${row} ${Buffer.from(layers[layer - 1]![row]!.content)}`;
  });
}

describe('a search for files', () => {
  const base = [dir('etc/'), file('etc/passwd', 'root'), dir('usr/'), file('usr/x', 'x'), file('z', 'z')];
  interface Case {
    name: string;
    layers: Stack;
    path: string;
    says: string;
    walked?: [number, number][]; // layer, entries
  }
  const cases: Case[] = [
    { name: 'a file of the base', layers: [base], path: '/etc/passwd', says: '1:1 root *', walked: [[1, 2]] },
    { name: 'an empty file', layers: [[file('a'), file('b')]], path: 'a', says: '1:0  *', walked: [[1, 1]] },
    { name: 'the last file', layers: [base], path: '/z', says: '1:4 z *', walked: [[1, 5]] },
    {
      name: 'a file of the top layer, and nothing below',
      layers: [base, [dir('etc/'), file('etc/passwd', 'new'), file('etc/more')]],
      path: '/etc/passwd',
      says: '2:1 new *',
      walked: [[2, 2]],
    },
    {
      name: 'a file below a layer that does not have it',
      layers: [base, [dir('etc/'), file('etc/group')]],
      path: '/etc/passwd',
      says: '1:1 root *',
      walked: [
        [2, 2],
        [1, 2],
      ],
    },
    {
      name: 'a whiteout, and nothing below',
      layers: [base, [dir('etc/'), whiteout('etc/passwd')]],
      path: '/etc/passwd',
      says: 'NOT_FOUND',
      walked: [[2, 2]],
    },
    {
      name: 'a file that stands before its opaque marker',
      layers: [base, [file('etc/group', 'g'), opaque('etc')]],
      path: '/etc/group',
      says: '2:0 g *',
      walked: [[2, 1]],
    },
    {
      name: 'a symlink that points ahead',
      layers: [
        [symlink('etc/os-release', '../usr/lib/os-release'), file('usr/lib/os-release', 'os'), file('z')],
      ],
      path: '/etc/os-release',
      says: '1:1 os *',
      walked: [[1, 2]],
    },
    {
      name: 'a symlink that points back',
      layers: [
        [symlink('bin', 'usr/bin'), file('usr/bin/dash', 'dash'), symlink('usr/bin/sh', 'dash'), file('z')],
      ],
      path: '/bin/sh',
      says: '1:1 dash *',
      walked: [[1, 3]],
    },
    {
      name: 'a hard link',
      layers: [[file('a', 'content'), hardlink('b', 'a'), file('z')]],
      path: '/b',
      says: '1:0 content *',
      walked: [[1, 2]],
    },
    {
      name: 'a hard link into a lower layer',
      layers: [base, [hardlink('b', 'etc/passwd')]],
      path: '/b',
      says: '1:1 root',
      walked: [[2, 1]],
    },
    {
      name: 'a symlink of the base to a file above',
      layers: [[symlink('a', 'b'), file('z')], [file('b', 'upper')]],
      path: '/a',
      says: '2:0 upper',
      walked: [
        [2, 1],
        [1, 1],
      ],
    },
    {
      name: 'an entry below a symlink of its own layer',
      layers: [[symlink('lib', 'usr/lib'), file('lib/x', 'x'), file('z')]],
      path: '/usr/lib/x',
      says: '1:1 x *',
      walked: [[1, 2]],
    },
    {
      name: 'an entry below a symlink of a lower layer',
      layers: [[symlink('lib', 'usr/lib'), file('usr/lib/x', 'lower')], [file('lib/x', 'upper')]],
      path: '/lib/x',
      says: '2:0 upper *',
      walked: [[2, 1]],
    },
    { name: 'the first of two', layers: [[file('a', '1'), file('a', '2')]], path: '/a', says: '1:0 1 *' },
    { name: 'a directory', layers: [base], path: '/etc', says: 'INVALID_ARGUMENT', walked: [[1, 1]] },
    { name: 'a fifo', layers: [[fifo('p'), file('z')]], path: '/p', says: 'UNSUPPORTED', walked: [[1, 1]] },
    { name: 'what is not there', layers: [base], path: '/etc/shadow', says: 'NOT_FOUND', walked: [[1, 5]] },
    { name: 'a path through a file', layers: [base], path: '/etc/passwd/x', says: 'NOT_FOUND' },
    { name: 'a loop of symlinks', layers: [[symlink('a', 'a')]], path: '/a', says: 'NOT_FOUND' },
    { name: 'a path out of the root', layers: [base], path: '/../../etc/./passwd', says: '1:1 root *' },
    { name: 'a path with `..`', layers: [base], path: '/etc/../z', says: '1:4 z *' },
    { name: 'the root', layers: [base], path: '/', says: 'INVALID_ARGUMENT' },
  ];
  it.each(cases)('finds $name', async ({ layers, path, says, walked }) => {
    const source = new SearchedStack(layers);
    expect(await search(source, layers, [asked(path)])).toEqual([says]);
    if (walked) expect([...source.walked].sort()).toEqual(walked.sort());
  });

  it('takes the last of two, and says that it is sure, when asked to verify', async () => {
    const layers = [[file('a', '1'), file('a', '2')]];
    expect(await search(new SearchedStack(layers), layers, [asked('/a')], { verify: true })).toEqual([
      '1:1 2',
    ]);
  });

  it('takes the last of two when another file made it read on', async () => {
    const layers = [[file('a', '1'), file('a', '2')]];
    const paths = [asked('/a'), asked('/b')];
    expect(await search(new SearchedStack(layers), layers, paths)).toEqual(['1:1 2', 'NOT_FOUND']);
  });

  it('takes the last of two when what it read on for stands last', async () => {
    const layers = [[file('a', '1'), file('a', '2'), file('b', 'b')]];
    const paths = ['/a', '/b', '/c'].map(asked);
    expect(await search(new SearchedStack(layers), layers, paths)).toEqual(['1:1 2', '1:2 b', 'NOT_FOUND']);
  });

  it('goes through a layer once for many files', async () => {
    const source = new SearchedStack([base]);
    const paths = ['/z', '/etc/passwd', '/usr/x'].map(asked);
    expect(await search(source, [base], paths)).toEqual(['1:4 z *', '1:1 root *', '1:3 x *']);
  });

  it('reads nothing below for what the top layers have, when one between is not certain', async () => {
    const middle = [hardlink('b', 'etc/passwd'), file('c', 'c')];
    const layers = [base, middle, [], [file('a', 'a'), whiteout('z')]];
    const source = new SearchedStack(layers, new Set([2, 3, 4]));
    expect(await search(source, layers, [asked('/a'), asked('/z')])).toEqual(['4:0 a', 'NOT_FOUND']);
    expect([source.walked.size, source.opened.size]).toEqual([0, 0]);
    expect(await search(source, layers, [asked('/a'), asked('/c')])).toEqual(['4:0 a', '2:1 c']);
    expect([...source.opened]).toEqual([1]);
  });

  it('walks through no layer whose index is kept', async () => {
    const layers = [base, [file('etc/group')], [dir('etc/')]];
    const source = new SearchedStack(layers, new Set([1, 2, 3]));
    expect(await search(source, layers, [asked('/etc/passwd')])).toEqual(['1:1 root']);
    expect([source.walked.size, source.opened.size]).toEqual([0, 0]);
  });

  it('reads all layers at once where there are more than any engine mounts', async () => {
    const layers: Stack = [base, ...Array.from({ length: 127 }, (_, i) => [file(`f${i}`, `${i}`)])];
    const source = new SearchedStack(layers);
    const results = await search(source, layers, [asked('/etc/passwd'), asked('/f126'), asked('/none')]);
    expect(results).toEqual(['1:1 root', '128:0 126', 'NOT_FOUND']);
    expect([source.walked.size, source.opened.size]).toEqual([0, 128]);
  });

  it('looks into the layer that is asked for only', async () => {
    const layers = [base, [whiteout('z'), file('etc/passwd', 'new')]];
    const only = (number: number) =>
      search(new SearchedStack(layers), layers, [asked('/z')], { numbers: [number] });
    expect(await only(1)).toEqual(['1:4 z *']);
    expect(await only(2)).toEqual(['NOT_FOUND']);
  });

  const paths = fc.array(askedPath, { minLength: 1, maxLength: 4 });
  const wantedOf = (list: readonly Uint8Array[][]): WantedFile[] =>
    list.map((path) => ({ text: path.map(String).join('/'), path }));

  const keptOnes = fc
    .uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 1 })
    .map((numbers) => new Set(numbers));
  const told = (results: readonly string[]) => results.map((result) => result.replace(/ \*$/, ''));

  it('says what the merged tree says, of what was read', async () => {
    let early = 0;
    await fc.assert(
      fc.asyncProperty(stack, keptOnes, askedPath, async (layers, kept, path) => {
        const source = new SearchedStack(layers, kept);
        const wanted = wantedOf([path]);
        const results = await search(source, layers, wanted);
        // The first occurrence counts: a layer that was left early ends there.
        const read = layers.map((entries, i) =>
          source.stopped.has(i + 1) ? entries.slice(0, source.walked.get(i + 1)) : entries,
        );
        if (source.stopped.size > 0) early++;
        expect(told(results)).toEqual(merged(read, wanted));
      }),
      { numRuns: 5000 },
    );
    expect(early).toBeGreaterThan(100);
  });

  /** No entry of the top layer takes away what an earlier one of it made. */
  const isSettled = (lower: Stack, entries: Stack[number]): boolean => {
    let before = new Map<string, string>();
    for (let rows = 1; rows <= entries.length; rows++) {
      const layers = [...lower, entries.slice(0, rows)];
      const tree = mergeLayers(layers.map((layer, i) => ({ entries: entriesOf(...layer), number: i + 1 })));
      const now = new Map(
        walk(tree).map(({ path, inode }) => [
          path,
          tree.kind(inode) === 'dir' ? 'dir' : `${tree.layerOf(inode)}:${tree.rowOf(inode)}`,
        ]),
      );
      for (const [path, what] of before) {
        // What a lower layer had may go.
        const isOurs = what === 'dir' || what.startsWith(`${layers.length}:`);
        if (isOurs && now.get(path) !== what) return false;
      }
      before = now;
    }
    return true;
  };
  const settledStack = stack.map((layers) =>
    layers.reduce<TestEntry[][]>((lower, entries) => {
      // What would take away is left out, from the end of a layer.
      const bad = entries.findIndex((_, i) => !isSettled(lower, entries.slice(0, i + 1)));
      lower.push(entries.slice(0, bad === -1 ? undefined : bad));
      return lower;
    }, []),
  );

  it('says of many what the whole merged tree says, when no layer takes away what it has made', async () => {
    await fc.assert(
      fc.asyncProperty(settledStack, keptOnes, paths, async (layers, kept, list) => {
        const wanted = wantedOf(list);
        const results = await search(new SearchedStack(layers, kept), layers, wanted);
        expect(told(results)).toEqual(merged(layers, wanted));
      }),
      { numRuns: 3000 },
    );
  });

  it('says what the merged tree says when asked to verify', async () => {
    await fc.assert(
      fc.asyncProperty(stack, paths, async (layers, list) => {
        const source = new SearchedStack(layers);
        const wanted = wantedOf(list);
        expect(await search(source, layers, wanted, { verify: true })).toEqual(merged(layers, wanted));
        expect(source.walked.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
