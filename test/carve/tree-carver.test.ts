import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyContent } from '#src/carve/copy-content.js';
import { TarStream } from '#src/carve/output/tar-stream.js';
import { TreeCarver } from '#src/carve/tree-carver.js';
import { resolvePath, splitPath } from '#src/overlay/resolve-path.js';
import { ROOT_INODE, type Tree } from '#src/overlay/tree.js';
import { merge, type Stack, walk } from '../overlay/trees.js';
import {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  layerWith,
  symlink,
  type TestEntry,
  whiteout,
} from '../support/entries.js';
import { asRead, readTar } from '../support/tar-oracle.js';
import { contentOf, scanAll } from '../tar/scan-all.js';

/** Returns the output of `carve -r -o -` for these paths, with its report. */
async function tarOfTree(tree: Tree, stack: Stack, paths: readonly string[]) {
  const chunks: Buffer[] = [];
  const faults: string[] = [];
  const tar = new TarStream((bytes) => chunks.push(Buffer.from(bytes)));
  const carver = new TreeCarver({
    tree,
    layers: new Map(stack.map((entries, i) => [i + 1, layerWith(i + 1, ...entries)])),
    target: tar,
    failed: ({ message }) => faults.push(message),
  });
  let files = 0;
  for (const path of paths) {
    const names = splitPath(Buffer.from(path));
    const resolved = resolvePath(tree, names);
    if (resolved.kind !== 'found') throw new Error(`${path} is missing`);
    files += (await carver.carve(resolved.inode, names))?.files ?? 0;
  }
  tar.end();
  return { tar: Buffer.concat(chunks), faults, files };
}

/** Returns a tree as one list: attributes, links and content of each name. */
function listing(tree: Tree, contents: (inode: number) => Buffer) {
  const first = new Map<number, string>();
  return walk(tree).map(({ path, inode }) => {
    if (!first.has(inode)) first.set(inode, path);
    const kind = tree.kind(inode);
    return {
      path,
      linkTo: first.get(inode),
      kind,
      nlink: tree.nlink(inode),
      mode: tree.mode(inode),
      owner: [tree.uid(inode), tree.gid(inode)],
      time: [tree.mtimeSeconds(inode), tree.mtimeNanoseconds(inode)],
      device: [tree.deviceMajor(inode), tree.deviceMinor(inode)],
      xattrs: tree.xattrs(inode).map(({ name, value }) => [hex(name), hex(value)]),
      target: kind === 'symlink' ? hex(tree.linkTarget(inode)) : undefined,
      content: kind === 'file' ? hex(contents(inode)) : undefined,
    };
  });
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const xattrs = { 'user.a': Buffer.from([0, 0xff, 0x0a]), 'security.capability': 'x=y\n' };
const STACK: TestEntry[][] = [
  [
    dir('', { mode: 0o751, mtime: 5 }),
    dir('dev', { xattrs }),
    char('dev/null', 1, 3, { mode: 0o666 }),
    hardlink('dev/zero', 'dev/null'),
    block('dev/sda', 8, 259, { gid: 6, xattrs }),
    block('dev/huge', 4095, 2 ** 32 - 1),
    fifo('dev/fifo', { mode: 0o600, mtime: -1, mtimeNanoseconds: 5 }),
    hardlink('dev/fifo2', 'dev/fifo'),
    file('lower', 'hidden'),
    file('etc/two', 'names', { mode: 0o4755, uid: 3_000_000, xattrs }),
    symlink('etc/sym', 'two', { xattrs: { 'security.a': 'b' } }),
  ],
  [
    whiteout('lower'),
    hardlink('other/one', 'etc/two'),
    hardlink('sym2', 'etc/sym'),
    file('large', Buffer.alloc(3_000_000, 'large')),
    file(Buffer.from([0x66, 0xff, 0x0a])),
  ],
];

describe('a whole tree as a tar', () => {
  it('is the same tree when the tar is read as a layer', async () => {
    const { tree } = merge(STACK);
    const { tar, faults, files } = await tarOfTree(tree, STACK, ['/']);
    expect([faults, files]).toEqual([[], 10]);
    const { entries, warnings } = scanAll(tar);
    expect(warnings).toEqual([]);
    const copied = entries.map((entry): TestEntry => {
      const { mtimeSeconds: mtime, sparse: _, xattrs, ...rest } = entry;
      return {
        ...rest,
        mtime,
        xattrs: Object.fromEntries(xattrs.map(({ name, value }) => [Buffer.from(name).toString(), value])),
        content: contentOf(tar, entry),
        sparse: undefined,
      };
    });
    const again = merge([copied]);
    expect(again.warnings).toEqual([]);
    const wanted = listing(tree, (inode) =>
      Buffer.from(STACK[tree.layerOf(inode) - 1]![tree.rowOf(inode)]!.content),
    );
    expect(wanted.map(({ path }) => path)).toContain('dev/zero');
    expect(listing(again.tree, (inode) => Buffer.from(copied[again.tree.rowOf(inode)]!.content))).toEqual(
      wanted,
    );
  });

  it('is the same to tar-stream', async () => {
    const { tar } = await tarOfTree(merge(STACK).tree, STACK, ['/']);
    const { entries } = scanAll(tar);
    expect(entries.length).toBeGreaterThan(15);
    expect(await readTar(tar)).toEqual(entries.map((entry) => asRead(entry, contentOf(tar, entry))));
  });

  it('links no name to itself when a file is requested twice', async () => {
    const { tree } = merge(STACK);
    const { tar } = await tarOfTree(tree, STACK, ['/etc/two', '/etc/two', '/other/one']);
    expect(
      scanAll(tar).entries.map(({ kind, linkTarget }) => [kind, Buffer.from(linkTarget).toString()]),
    ).toEqual([
      ['file', ''],
      ['file', ''],
      ['hardlink', 'etc/two'],
    ]);
  });

  describe('extracted by GNU tar', () => {
    let directory = '';
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'layerslayer-tar-'));
    });
    afterEach(() => rmSync(directory, { recursive: true, force: true }));

    it.runIf(process.getuid?.() === 0)('has the devices, the fifos and the links', async () => {
      const { tree } = merge(STACK);
      const { tar } = await tarOfTree(tree, STACK, [
        '/dev/null',
        '/dev/zero',
        '/dev/fifo',
        '/etc',
        '/other/one',
      ]);
      execFileSync('tar', ['-xp', '-C', directory], { input: tar, stdio: ['pipe', 'ignore', 'ignore'] });
      const stat = (path: string) => statSync(join(directory, path));
      expect(readdirSync(join(directory, 'dev')).sort()).toEqual(['fifo', 'null', 'zero']);
      expect(stat('dev/null').isCharacterDevice()).toBe(true);
      expect(stat('dev/null').rdev).toBe(statSync('/dev/null').rdev);
      expect(stat('dev/zero').ino).toBe(stat('dev/null').ino);
      expect(stat('dev/fifo').isFIFO()).toBe(true);
      expect(stat('etc/two').ino).toBe(stat('other/one').ino);
      expect([stat('etc/two').mode & 0o7777, stat('etc/two').uid]).toEqual([0o4755, 3_000_000]);
    });
  });
});

describe('the event loop', () => {
  it('has a turn after each read: without one, buffers are never freed', async () => {
    const layer = layerWith(1, file('a', Buffer.alloc(2 ** 21)));
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    for (let i = 0; i < 10; i++) await copyContent(layer, { row: 0, size: 2 ** 21 }, { write() {} });
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  it('waits for the reader of the output, also for empty files', async () => {
    const stack = [Array.from({ length: 50 }, (_, i) => symlink(`link${i}`, 'x'))];
    const { tree } = merge(stack);
    let waits = 0;
    const carver = new TreeCarver({
      tree,
      layers: new Map(),
      target: new TarStream(() => {}),
      failed() {},
      settled: async () => void waits++,
    });
    await carver.carve(ROOT_INODE, []);
    expect(waits).toBeGreaterThanOrEqual(50);
  });
});
