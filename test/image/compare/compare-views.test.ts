import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import type { Layer } from '#src/engine/layer.js';
import { compareViews } from '#src/image/compare/compare-views.js';
import type { ComparedView } from '#src/image/compare/comparison.js';
import { randomEntry } from '../../overlay/random-layers.js';
import { walk } from '../../overlay/trees.js';
import {
  type Attrs,
  char,
  dir,
  fifo,
  file,
  hardlink,
  layerWith,
  lazily,
  sparseFile,
  symlink,
  type TestEntry,
  whiteout,
} from '../../support/entries.js';
import { lines, viewOf } from './views.js';

const compared = async (from: readonly Layer[], to: readonly Layer[], options = {}) => {
  const comparison = await compareViews(viewOf('a', from), viewOf('b', to), options);
  return lines(comparison.differences);
};

/** Two layers of the given entries, which have nothing in common. */
const ofEntries = (from: TestEntry[], to: TestEntry[], options = {}) =>
  compared([layerWith(1, ...from)], [layerWith(2, ...to)], options);

/** The layer, and what was read of it: `row@offset+length`. */
function watched(layer: Layer): { layer: Layer; reads: string[]; bytes: () => number } {
  const reads: string[] = [];
  let bytes = 0;
  const read: Layer['read'] = (row, offset, length, signal) => {
    reads.push(`${row}@${offset}+${length}`);
    bytes += length;
    return layer.read(row, offset, length, signal);
  };
  return { layer: { ...layer, read }, reads, bytes: () => bytes };
}

describe('two views', () => {
  const table: [string, TestEntry[], TestEntry[], string[]][] = [
    ['equal', [dir('d/'), file('d/f', 'x')], [dir('d/'), file('d/f', 'x')], []],
    ['an added file', [], [file('f')], ['+ /f']],
    ['a removed file', [file('f')], [], ['- /f']],
    [
      'an added directory, with all below it',
      [],
      [dir('d/'), file('d/b'), file('d/a/x'), dir('d/a/')],
      ['+ /d', '+ /d/a', '+ /d/a/x', '+ /d/b'],
    ],
    ['another mode', [file('f', '', { mode: 0o644 })], [file('f', '', { mode: 0o4755 })], ['~ /f mode']],
    ['another user', [dir('d/', { uid: 1 })], [dir('d/', { uid: 2 })], ['~ /d owner']],
    ['another group', [fifo('p', { gid: 1 })], [fifo('p', { gid: 2 })], ['~ /p owner']],
    ['another size', [file('f', 'abc')], [file('f', 'ab')], ['~ /f size,content']],
    ['other bytes of the same size', [file('f', 'abc')], [file('f', 'abd')], ['~ /f content']],
    ['another target', [symlink('l', 'a')], [symlink('l', 'bb')], ['~ /l target']],
    ['another device', [char('c', 1, 3)], [char('c', 1, 5)], ['~ /c device']],
    ['an attribute', [file('f', '', { xattrs: { 'user.a': 'b' } })], [file('f')], ['~ /f xattrs']],
    [
      'a value of an attribute',
      [file('f', '', { xattrs: { 'user.a': 'b', 'user.b': '' } })],
      [file('f', '', { xattrs: { 'user.b': '', 'user.a': 'c' } })],
      ['~ /f xattrs'],
    ],
    [
      'attributes in another order',
      [file('f', '', { xattrs: { 'user.a': 'b', 'user.b': '' } })],
      [file('f', '', { xattrs: { 'user.b': '', 'user.a': 'b' } })],
      [],
    ],
    ['times', [file('f', '', { mtime: 1 })], [file('f', '', { mtime: 2 })], []],
    ['a link that is a copy', [file('f', 'x'), hardlink('g', 'f')], [file('f', 'x'), file('g', 'x')], []],
    [
      'a directory that became a file',
      [dir('d/'), file('d/x'), file('e')],
      [file('d'), file('e')],
      ['~ /d kind,mode', '- /d/x'],
    ],
    ['a file that became a directory', [file('d', 'x')], [file('d/x', 'x')], ['~ /d kind,mode', '+ /d/x']],
    ['the root', [dir('./', { mode: 0o700 })], [dir('./', { mode: 0o755 })], ['~ / mode']],
  ];
  it.each(table)('%s', async (_, from, to, wanted) => {
    expect(await ofEntries(from, to)).toEqual(wanted);
  });

  it('come in the order of the names’ bytes, parents first', async () => {
    const entries = ['a-', 'a/x', 'Z', Buffer.from([0xff]), 'é', 'a/b/c'].map((name) => file(name));
    const wanted = ['/Z', '/a', '/a/b', '/a/b/c', '/a/x', '/a-', '/\xc3\xa9', '/\xff'];
    expect(await ofEntries(entries, [])).toEqual(wanted.map((path) => `- ${path}`));
    expect(await ofEntries([], entries)).toEqual(wanted.map((path) => `+ ${path}`));
  });

  it('of images without layers are empty', async () => {
    expect(await compared([], [])).toEqual([]);
    expect(await compared([layerWith(1, file('f'))], [])).toEqual(['- /f']);
    expect(await compared([], [layerWith(1, dir('./', { mode: 0o700 }))])).toEqual(['~ / mode']);
  });

  it('differ in times only if these count, to the nanosecond', async () => {
    const at = (mtime: number, mtimeNanoseconds: number) => [file('f', '', { mtime, mtimeNanoseconds })];
    expect(await ofEntries(at(1, 2), at(1, 3), { times: true })).toEqual(['~ /f mtime']);
    expect(await ofEntries(at(1, 2), at(1, 2), { times: true })).toEqual([]);
  });
});

describe('a path', () => {
  const from = [file('etc/a', '1'), file('usr/x', '1'), file('old/o', ''), symlink('link', 'etc')];
  const to = [file('etc/a', '2'), file('usr/x', '2'), file('new/n', ''), symlink('link', 'etc')];
  it.each([
    ['/etc', ['~ /etc/a content']],
    ['etc/', ['~ /etc/a content']],
    ['/etc/a', ['~ /etc/a content']],
    ['/link', ['~ /link/a content']],
    ['/old', ['- /old', '- /old/o']],
    ['/new/n', ['+ /new/n']],
    ['/', ['~ /etc/a content', '+ /new', '+ /new/n', '- /old', '- /old/o', '~ /usr/x content']],
  ])('%s is compared with what is below it', async (path, wanted) => {
    expect(await ofEntries(from, to, { path })).toEqual(wanted);
  });

  it('that neither has is not found, and the message says which layer deletes it', async () => {
    const fault = (options: object) =>
      compared(
        [layerWith(1, file('etc/a'))],
        [layerWith(1, file('etc/a')), layerWith(2, whiteout('etc/a'))],
        {
          path: '/etc/b',
          ...options,
        },
      );
    await expect(fault({})).rejects.toThrow('no such file in either image: /etc/b (/etc exists)');
    const layers = [layerWith(1, file('etc/a')), layerWith(2, whiteout('etc/a'))];
    await expect(compared(layers, layers, { path: '/etc/a' })).rejects.toThrow(
      'no such file in either image: /etc/a (layer 1 has it, layer 2 deletes it: --layer 1)',
    );
  });
});

describe('contents', () => {
  it('of layers that both images share are never read', async () => {
    const base = layerWith(1, dir('d/'), ...Array.from({ length: 50 }, (_, i) => file(`d/${i}`, `${i}`)));
    const shared = watched(base);
    const top = watched(layerWith(2, file('d/7', 'x'), file('d/8', '8')));
    expect(await compared([shared.layer], [shared.layer, top.layer])).toEqual(['~ /d/7 content']);
    expect(shared.reads).toEqual(['8@0+1', '9@0+1']);
    expect(top.reads).toHaveLength(2);
  });

  it('of an unknown order are read once, each layer in the order of its data', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `f${i}`);
    const order = (salt: number) =>
      names.toSorted((a, b) => ((+a.slice(1) * salt) % 307) - ((+b.slice(1) * salt) % 307));
    const content = (name: string, other: boolean) => (other && name === 'f77' ? 'other' : name.padEnd(5));
    const some = watched(layerWith(1, ...order(11).map((name) => file(name, content(name, false)))));
    const others = watched(layerWith(2, ...order(29).map((name) => file(name, content(name, true)))));
    expect(await compared([some.layer], [others.layer])).toEqual(['~ /f77 content']);
    for (const { reads } of [some, others]) {
      const rows = reads.map((read) => Number.parseInt(read, 10));
      expect(rows).toEqual(rows.toSorted((a, b) => a - b));
      expect(rows).toHaveLength(300);
    }
  });

  it('are read up to the first difference', async () => {
    const [some, others] = [Buffer.alloc(3_000_000, 1), Buffer.alloc(3_000_000, 1)];
    others[70_000] = 2;
    const [from, to] = [
      watched(lazily(layerWith(1, file('f', some)))),
      watched(layerWith(2, file('f', others))),
    ];
    expect(await compared([from.layer], [to.layer])).toEqual(['~ /f content']);
    expect([from.bytes(), to.bytes()]).toEqual([65_536 + 524_288, 65_536 + 524_288]);
    others[70_000] = 1;
    others[2_999_999] = 2;
    expect(await compared([from.layer], [to.layer])).toEqual(['~ /f content']);
    others[2_999_999] = 1;
    expect(await compared([from.layer], [to.layer])).toEqual([]);
  });

  it('of sparse files are read where either has data', async () => {
    const data = Buffer.alloc(1000);
    data.write('data', 500);
    const sparse = watched(layerWith(1, sparseFile('f', data, [500, 4])));
    const more = watched(layerWith(2, sparseFile('f', data, [400, 50, 450, 60, 900, 10])));
    expect(await compared([sparse.layer], [more.layer])).toEqual([]);
    expect(sparse.reads).toEqual(['0@400+110', '0@900+10']);
    const whole = watched(layerWith(3, file('f', data)));
    expect(await compared([sparse.layer], [whole.layer])).toEqual([]);
    expect(whole.reads).toEqual(['0@0+1000']);
  });

  it('of hard links are compared once, whatever their names', async () => {
    const names = Array.from({ length: 20 }, (_, i) => hardlink(`l${i}`, 'f'));
    const [from, to] = [
      watched(layerWith(1, file('f', 'abc'), ...names)),
      watched(layerWith(2, file('f', 'abd'), ...names)),
    ];
    expect(await compared([from.layer], [to.layer])).toHaveLength(21);
    expect([from.reads, to.reads]).toEqual([['0@0+3'], ['0@0+3']]);
  });

  /** A layer whose bytes are overwritten in the next turn of the event loop. */
  function lending(layer: Layer, delayMs: number): Layer {
    return {
      ...layer,
      read: async (row, offset, length) => {
        await sleep(delayMs);
        const lent = Uint8Array.from(await layer.read(row, offset, length));
        setImmediate(() => lent.fill(0xee));
        return lent;
      },
    };
  }

  it.each([
    [0, 20],
    [20, 0],
  ])('are compared while they are valid, whichever side comes first', async (first, second) => {
    const content = (salt: number) => Buffer.from(`${'x'.repeat(1000)}${salt}`);
    const [from, to] = [content(1), content(2)];
    const files = (same: Buffer, other: Buffer) => [file('same', same), file('other', other)];
    const [some, others] = [layerWith(1, ...files(from, from)), layerWith(2, ...files(from, to))];
    expect(await compared([lending(some, first)], [lending(others, second)])).toEqual(['~ /other content']);
    // In another order they are hashed.
    const turned = layerWith(2, ...files(from, to).reverse());
    expect(await compared([lending(some, first)], [lending(turned, second)])).toEqual(['~ /other content']);
  });

  it('that can not be read make their difference an error, and the others are compared', async () => {
    const good = layerWith(2, file('a', '1'), file('b', '2', { mode: 0o600 }), file('c', '3'));
    const bad: Layer = {
      ...layerWith(1, file('a', '0'), file('b', '2'), file('c', '3')),
      read(row, ...range) {
        if (row === 1) throw new LayerslayerError('DIGEST_MISMATCH', 'wrong bytes');
        return layerWith(1, file('a', '0'), file('b', '2'), file('c', '3')).read(row, ...range);
      },
    };
    for (const [from, to] of [
      [bad, good],
      [lazily(good), lazily(bad)],
    ] as const) {
      const { differences } = await compareViews(viewOf('one:1', [from]), viewOf('two:2', [to]));
      expect(lines(differences)).toEqual(['~ /a content', '! /b mode']);
      const message = `layer 1 of ${from === bad ? 'one:1' : 'two:2'}: wrong bytes`;
      expect([...differences].map(({ error }) => error?.message)).toEqual([undefined, message]);
    }
  });

  it('of a source that is gone are not tried again and again', async () => {
    const files = Array.from({ length: 40 }, (_, i) => file(`f${i}`, 'x'));
    let tried = 0;
    const gone: Layer = {
      ...layerWith(1, ...files),
      read: async () => {
        tried++;
        throw new LayerslayerError('REGISTRY_UNAVAILABLE', 'no route');
      },
    };
    const found = await compared([gone], [layerWith(2, ...files)]);
    expect([found.length, found[0], tried]).toEqual([40, '! /f0', 1]);
  });

  it('tell how many are compared, now and then', async () => {
    const files = Array.from({ length: 3 }, (_, i) => file(`f${i}`, 'x'));
    const slow = {
      ...layerWith(1, ...files),
      read: async () => {
        await sleep(150);
        return Buffer.from('x');
      },
    };
    const seen: number[][] = [];
    const onProgress = (...progress: number[]) => seen.push(progress);
    expect(await compared([slow], [layerWith(2, ...files)], { onProgress })).toEqual([]);
    expect(seen.length).toBeGreaterThan(0); // on a busy machine more often
    for (const [done, total] of seen) expect([done! <= 3, total]).toEqual([true, 3]);
  });

  it('stop with the signal', async () => {
    const files = Array.from({ length: 40 }, (_, i) => file(`f${i}`, 'x'));
    const stop = new AbortController();
    const stopping = {
      ...lazily(layerWith(1, ...files)),
      read: async () => {
        stop.abort(new Error('stop'));
        return Buffer.from('x');
      },
    };
    await expect(compared([stopping], [layerWith(2, ...files)], { signal: stop.signal })).rejects.toThrow(
      'stop',
    );
  });

  const chunk = (size: number, byte: number | undefined) => ({
    size,
    digest: byte === undefined ? undefined : Buffer.alloc(32, byte),
  });
  const digests: [string, ReturnType<typeof chunk>[], ReturnType<typeof chunk>[], string[], boolean][] = [
    ['equal', [chunk(4, 1), chunk(2, 2)], [chunk(4, 1), chunk(2, 2)], [], false],
    ['different', [chunk(4, 1), chunk(2, 2)], [chunk(4, 1), chunk(2, 3)], ['~ /f content'], false],
    ['divided elsewhere', [chunk(4, 1), chunk(2, 2)], [chunk(6, 1)], [], true],
    ['holes of both', [chunk(6, undefined)], [chunk(6, undefined)], [], false],
    ['a hole and zeros', [chunk(6, undefined)], [chunk(6, 1)], [], true],
  ];
  it.each(digests)('with digests of a table are not read: %s', async (_, some, others, wanted, isRead) => {
    const [from, to] = [some, others].map((chunks, i) => {
      const seen = watched(layerWith(i + 1, file('f', 'abcdef')));
      return { ...seen, layer: { ...seen.layer, fileChunks: () => chunks } };
    });
    expect(await compared([from!.layer], [to!.layer])).toEqual(wanted);
    expect(from!.reads.length + to!.reads.length > 0).toBe(isRead);
  });

  it('of one layer by two indexes are compared by their bytes', async () => {
    const one = layerWith(1, file('a', 'x'), file('b', 'y'));
    const other = layerWith(1, file('a', 'z'), file('b', 'y')); // one of them lies
    expect(await compared([one], [{ ...other, fingerprint: 1 }])).toEqual(['~ /a content']);
  });
});

// A pool of layers, so that two images share some of them.
const attrs: fc.Arbitrary<Attrs> = fc.record({
  mode: fc.constantFrom(0o644, 0o600),
  uid: fc.constantFrom(0, 1),
  mtime: fc.constantFrom(0, 1),
  xattrs: fc.constantFrom({}, { 'user.a': 'b' }),
});
const entry = fc.tuple(randomEntry, attrs).map(([one, more]): TestEntry => ({ ...one, ...more }));
const content = fc
  .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('', 'x', 'y', 'xy', 'yy'))
  .map(([name, text]) => file(name, text));
const pool = fc.array(fc.array(fc.oneof({ weight: 3, arbitrary: entry }, content), { maxLength: 8 }), {
  minLength: 1,
  maxLength: 4,
});
const stack = fc.array(fc.nat(3), { minLength: 1, maxLength: 3 });

it('differ as a naive comparison of all their names finds', async () => {
  await fc.assert(
    fc.asyncProperty(pool, stack, stack, fc.boolean(), async (layers, some, others, times) => {
      const known = layers.map((entries, i) => lazily(layerWith(i + 1, ...entries)));
      const view = (numbers: number[]) =>
        viewOf(
          'v',
          numbers.map((at) => known[at % known.length]!),
        );
      const [from, to] = [view(some), view(others)];
      const { differences } = await compareViews(from, to, { times });
      expect(lines(differences).sort()).toEqual((await naive(from, to, times)).sort());
      // Parents come before their children, and each name once.
      const paths = [...differences].map(({ names }) =>
        Buffer.concat(names.flatMap((name) => [name, Buffer.of(0)])),
      );
      expect(paths).toEqual(paths.toSorted(Buffer.compare));
    }),
    { numRuns: 1000 },
  );
});

async function naive(from: ComparedView, to: ComparedView, times: boolean): Promise<string[]> {
  const describe = async ({ view: { tree, byNumber } }: ComparedView) => {
    const names = new Map<string, Map<string, string>>();
    for (const { path, inode } of walk(tree)) {
      const kind = tree.kind(inode);
      const fields = new Map([
        ['kind', kind],
        ['mode', String(tree.mode(inode))],
        ['owner', `${tree.uid(inode)}:${tree.gid(inode)}`],
        [
          'xattrs',
          tree
            .xattrs(inode)
            .map(({ name, value }) => `${Buffer.from(name)}=${Buffer.from(value)}`)
            .join(),
        ],
      ]);
      if (kind === 'symlink') fields.set('target', Buffer.from(tree.linkTarget(inode)).toString());
      if (kind === 'file') {
        const layer = byNumber.get(tree.layerOf(inode))!;
        fields.set('size', String(tree.size(inode)));
        fields.set(
          'content',
          Buffer.from(await layer.read(tree.rowOf(inode), 0, tree.size(inode))).toString(),
        );
      }
      if (times) fields.set('mtime', String(tree.mtimeSeconds(inode)));
      names.set(`/${path}`, fields);
    }
    return names;
  };
  const [some, others] = [await describe(from), await describe(to)];
  const found: string[] = [];
  for (const path of new Set([...some.keys(), ...others.keys()])) {
    const [a, b] = [some.get(path), others.get(path)];
    if (!a) found.push(`+ ${path}`);
    else if (!b) found.push(`- ${path}`);
    else {
      const isOne = a.get('kind') === b.get('kind');
      const order = ['kind', 'mode', 'owner', 'size', 'content', 'target', 'xattrs', 'mtime'];
      const fields = order
        .filter((field) => a.get(field) !== b.get(field))
        .filter((field) => isOne || !['size', 'content', 'target'].includes(field));
      // Contents come last if only their bytes tell.
      if (fields.includes('content') && !fields.includes('size'))
        fields.push(...fields.splice(fields.indexOf('content'), 1));
      if (fields.length > 0) found.push(`~ ${path} ${fields.join()}`);
    }
  }
  return found;
}
