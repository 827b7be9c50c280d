import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileSearch } from '#src/carve/search/file-search.js';
import type { WantedFile } from '#src/carve/search/wanted-file.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { resolvePath } from '#src/overlay/resolve-path.js';
import { askedPath, stack } from '../overlay/random-layers.js';
import type { Stack } from '../overlay/trees.js';
import { dir, entriesOf, fifo, file, hardlink, opaque, symlink, whiteout } from '../support/entries.js';
import { asked, SearchedStack } from './searched-stack.js';

/** What comes of a search: by path `layer:row content`, or the code of why not; a `*` when it is unverified. */
async function search(
  source: SearchedStack,
  layers: Stack,
  wanted: readonly WantedFile[],
  {
    verify = false,
    numbers = layers.map((_, i) => i + 1),
  }: { verify?: boolean; numbers?: readonly number[] } = {},
): Promise<string[]> {
  const contents = new Map<WantedFile, Buffer>();
  const results = new Map<WantedFile, string>();
  const tell = (one: WantedFile, what: string) => {
    expect(results.has(one), `${one.text} is told of twice`).toBe(false);
    results.set(one, what);
  };
  await new FileSearch(wanted, {
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
    failed: (one, error, unverified) => tell(one, `${error.code}${unverified ? ' *' : ''}`),
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
    { name: 'the last file', layers: [base], path: '/z', says: '1:4 z', walked: [[1, 5]] },
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
      says: '2:0 upper *', // the symlink may be replaced
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
      layers: [
        [symlink('lib', 'usr/lib'), file('usr/lib/x', 'lower')],
        [file('lib/x', 'upper'), file('z')],
      ],
      path: '/lib/x',
      says: '2:0 upper *',
      walked: [[2, 1]],
    },
    {
      name: 'the first of two, when it stops before the second',
      layers: [[file('a', '1'), file('a', '2')]],
      path: '/a',
      says: '1:0 1 *',
    },
    { name: 'a directory', layers: [base], path: '/etc', says: 'INVALID_ARGUMENT *', walked: [[1, 1]] },
    { name: 'a fifo', layers: [[fifo('p'), file('z')]], path: '/p', says: 'UNSUPPORTED *', walked: [[1, 1]] },
    { name: 'what is not there', layers: [base], path: '/etc/shadow', says: 'NOT_FOUND', walked: [[1, 5]] },
    { name: 'a path through a file', layers: [base], path: '/etc/passwd/x', says: 'NOT_FOUND' },
    { name: 'a loop of symlinks', layers: [[symlink('a', 'a')]], path: '/a', says: 'NOT_FOUND' },
    { name: 'a path out of the root', layers: [base], path: '/../../etc/./passwd', says: '1:1 root *' },
    { name: 'a path with `..`', layers: [base], path: '/etc/../z', says: '1:4 z' },
    { name: 'the root', layers: [base], path: '/', says: 'INVALID_ARGUMENT' },
  ];
  it.each(cases)('finds $name', async ({ layers, path, says, walked }) => {
    const source = new SearchedStack(layers);
    expect(await search(source, layers, [asked(path)])).toEqual([says]);
    if (walked) expect([...source.walked].sort()).toEqual(walked.sort());
  });

  describe('takes the last entry that was read', () => {
    const end = file('end');
    interface Replaced {
      name: string;
      entries: Stack[number];
      path?: string;
      says: string;
      pageRows: number; // the scan stops at a multiple
      lower?: Stack[number];
    }
    const replaced: Replaced[] = [
      { name: 'of two', entries: [file('a', '1'), file('a', '2'), end], says: '1:1 2 *', pageRows: 2 },
      {
        name: 'of three, the last on the next page',
        entries: [file('a', '1'), file('b'), file('a', '2'), file('a', '3'), end],
        says: '1:0 1 *',
        pageRows: 2,
      },
      {
        name: 'through a link of the layer',
        entries: [file('etc/a', 'no'), symlink('local', '/etc'), file('local/a', 'yes'), end],
        path: '/etc/a',
        says: '1:2 yes *',
        pageRows: 3,
      },
      {
        name: 'a hard link, whose target is replaced: what it had',
        entries: [file('t', '1'), hardlink('a', 't'), file('t', '2'), end],
        says: '1:0 1 *',
        pageRows: 3,
      },
      {
        name: 'a file that becomes a hard link',
        entries: [file('t', '1'), file('a', '2'), hardlink('a', 't'), end],
        says: '1:0 1 *',
        pageRows: 3,
      },
      {
        name: 'a file that becomes a hard link into a lower layer',
        entries: [file('a', '2'), hardlink('a', 'lower'), end],
        lower: [file('lower', 'low')],
        says: '1:0 low',
        pageRows: 2,
      },
      {
        name: 'a file that becomes a symlink',
        entries: [file('t', '1'), file('a', '2'), symlink('a', 't'), end],
        says: '1:0 1 *',
        pageRows: 3,
      },
      {
        name: 'a symlink on the way that is replaced',
        entries: [file('x/f', 'x'), file('y/f', 'y'), symlink('a', 'x'), symlink('a', 'y'), end],
        path: '/a/f',
        says: '1:1 y *',
        pageRows: 4,
      },
      {
        name: 'a symlink in the middle of a chain that is replaced',
        entries: [
          symlink('a', 'm'),
          symlink('m', 'x'),
          file('x', 'x'),
          file('y', 'y'),
          symlink('m', 'y'),
          end,
        ],
        says: '1:3 y *',
        pageRows: 5,
      },
      {
        name: 'a directory that becomes a file, and nothing',
        entries: [file('d/a', '1'), file('d', 'x'), end],
        path: '/d/a',
        says: 'NOT_FOUND',
        pageRows: 2,
      },
      {
        name: 'a file that becomes a directory',
        entries: [file('a', '1'), dir('a'), end],
        says: 'INVALID_ARGUMENT *',
        pageRows: 2,
      },
    ];
    it.each(replaced)('$name', async ({ entries, path = '/a', says, pageRows, lower }) => {
      const layers = lower ? [lower, entries] : [entries];
      expect(await search(new SearchedStack(layers, new Set(), pageRows), layers, [asked(path)])).toEqual([
        says,
      ]);
      const verified = await search(new SearchedStack(layers), layers, [asked(path)], { verify: true });
      expect(verified).toEqual(merged(layers, [asked(path)]));
    });
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
    expect(await search(source, [base], paths)).toEqual(['1:4 z', '1:1 root', '1:3 x']);
    expect([...source.walked]).toEqual([[1, 5]]);
    expect(source.opened.size).toBe(0);
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

  it('looks no more when looks would be too many, and is right all the same', async () => {
    const linked = (count: number) => [
      ...Array.from({ length: count }, (_, i) => symlink('etc', `x${i}`)),
      ...[dir(`x${count - 1}`), file(`x${count - 1}/passwd`, 'last'), file('z')],
    ];
    const wanted = [asked('etc/passwd')];
    expect(await search(new SearchedStack([linked(50)]), [linked(50)], wanted)).toEqual(['1:51 last *']);
    const many = [linked(10_050)];
    expect(await search(new SearchedStack(many, new Set(), 100), many, wanted)).toEqual(['1:10051 last']);
  });

  it('opens the layers below once, to tell where many deleted paths are', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `d${i}`);
    const layers = [names.map((name) => file(name)), names.map((name) => whiteout(name))];
    const source = new SearchedStack(layers, new Set([2]), 1, 1000);
    let opened = 0;
    const { image } = source;
    const openLayers: typeof image.layers = (options) => {
      opened++;
      return image.layers(options);
    };
    const counted = { image: { ...image, layers: openLayers } } as SearchedStack;
    const wanted = names.map(asked);
    expect(await search(counted, layers, wanted)).toEqual(names.map(() => 'NOT_FOUND'));
    expect(opened).toBe(1);
  });

  it('walks through no layer whose index is kept', async () => {
    const layers = [base, [file('etc/group')], [dir('etc/')]];
    const source = new SearchedStack(layers, new Set([1, 2, 3]));
    expect(await search(source, layers, [asked('/etc/passwd')])).toEqual(['1:1 root']);
    expect([source.walked.size, source.opened.size]).toEqual([0, 0]);
  });

  it('searches layer by layer, however many there are', async () => {
    const layers: Stack = [base, ...Array.from({ length: 1000 }, (_, i) => [file(`f${i}`, `${i}`)])];
    const source = new SearchedStack(layers);
    const results = await search(source, layers, [asked('/etc/passwd'), asked('/f126'), asked('/none')]);
    expect(results).toEqual(['1:1 root', '128:0 126', 'NOT_FOUND']);
    expect([source.walked.size, source.opened.size]).toEqual([1001, 0]);
  });

  it('looks into the layer that is asked for only', async () => {
    const layers = [base, [whiteout('z'), file('etc/passwd', 'new')]];
    const only = (number: number) =>
      search(new SearchedStack(layers), layers, [asked('/z')], { numbers: [number] });
    expect(await only(1)).toEqual(['1:4 z']);
    expect(await only(2)).toEqual(['NOT_FOUND']);
  });

  const paths = fc.array(askedPath, { minLength: 1, maxLength: 4 });
  const wantedOf = (list: readonly Uint8Array[][]): WantedFile[] =>
    list.map((path) => ({ text: path.map(String).join('/'), path }));

  // Two names: most entries replace another one, or are below a link.
  const shortPath = fc
    .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 2 })
    .map((names) => names.join('/'));
  const link = fc.tuple(shortPath, fc.boolean(), shortPath);
  const crowdedEntry = fc.oneof(
    { weight: 6, arbitrary: shortPath.map((path) => file(path, path)) },
    { weight: 1, arbitrary: shortPath.map((path) => dir(path)) },
    { weight: 2, arbitrary: link.map(([path, isRooted, to]) => symlink(path, isRooted ? `/${to}` : to)) },
    { weight: 2, arbitrary: link.map(([path, , to]) => hardlink(path, to)) },
  );
  const crowdedStack = fc.array(fc.array(crowdedEntry, { minLength: 3, maxLength: 12 }), {
    minLength: 1,
    maxLength: 2,
  });
  const shortPaths = fc.array(
    shortPath.map((path) => asked(path).path as Uint8Array[]),
    { minLength: 1, maxLength: 2 },
  );
  const crowded = fc.tuple(crowdedStack, shortPaths);

  const keptOnes = fc
    .uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 1 })
    .map((numbers) => new Set(numbers));
  const told = (results: readonly string[]) => results.map((result) => result.replace(/ \*$/, ''));

  it('matches the merged tree, or is not verified', async () => {
    let early = 0;
    let doubtful = 0;
    let replaced = 0; // by an entry that was not read
    const pageRows = fc.integer({ min: 1, max: 4 });
    const scenes = fc.oneof(crowded, fc.tuple(stack, paths));
    await fc.assert(
      fc.asyncProperty(scenes, keptOnes, pageRows, async ([layers, list], kept, rows) => {
        const source = new SearchedStack(layers, kept, rows);
        const wanted = wantedOf(list);
        const results = await search(source, layers, wanted);
        // If a layer was left early, the last entry of the part read counts.
        const read = layers.map((entries, i) =>
          source.stopped.has(i + 1) && !source.opened.has(i + 1)
            ? entries.slice(0, source.walked.get(i + 1))
            : entries,
        );
        if (read.some((entries, i) => entries.length < layers[i]!.length)) early++;
        expect(told(results)).toEqual(merged(read, wanted));
        const whole = merged(layers, wanted);
        for (const [i, result] of results.entries()) {
          if (!result.endsWith(' *')) expect(result).toBe(whole[i]);
          else if (result === `${whole[i]} *`) doubtful++;
          else replaced++;
        }
      }),
      { numRuns: 3000 },
    );
    expect(early).toBeGreaterThan(300);
    expect(doubtful).toBeGreaterThan(100);
    expect(replaced).toBeGreaterThan(30);
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
