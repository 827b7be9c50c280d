import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output, probe, run, type TestMount } from './mounting.js';

// The tree as the shell's tools see it, through the kernel.

const LARGE = 2 ** 40 + 12_345; // bytes, past 32 bits
const RAW_NAMES = [
  'ff00'.replace('00', '01'),
  'c328',
  '0a',
  '5c',
  '2d6e',
  '20',
  'f09f98800a22',
  'ee'.repeat(255),
];

const fs = new MemoryFs({ mode: 0o755, mtime: [1_700_000_000, 1] });
const usr = fs.dir(fs.root, 'usr', {
  mode: 0o1777,
  uid: 1000,
  gid: 2000,
  mtime: [1_600_000_000, 999_999_999],
});
const file = fs.file(usr, 'file', 'hello\n', { mode: 0o4755, uid: 2 ** 32 - 2, gid: 70_000, mtime: [0, 0] });
fs.link(fs.root, 'hard', file);
fs.file(usr, 'before-1970', '', { mtime: [-1, 500_000_000], mode: 0 });
fs.file(usr, 'ancient', 'x', { mtime: [-(2 ** 33), 1] });
fs.file(usr, 'after-2106', 'x', { mtime: [2 ** 33, 123_456_789] });
fs.add(usr, 'large', { kind: 'file', size: LARGE, blocks: 8 });
fs.symlink(usr, 'link', '../usr/file');
fs.symlink(usr, 'long-link', `/${'x'.repeat(4094)}`);
fs.add(usr, 'char', { kind: 'char', device: [1, 3], mode: 0o666 });
fs.add(usr, 'block', { kind: 'block', device: [259, 70_000] });
fs.add(usr, 'fifo', { kind: 'fifo' });
const raw = fs.dir(fs.root, 'raw');
for (const hex of RAW_NAMES) fs.file(raw, Buffer.from(hex, 'hex'), `content of ${hex}`);
const deep = Array.from({ length: 50 }).reduce<number>((parent) => fs.dir(parent, 'd'), fs.root);
fs.file(deep, 'bottom', 'bottom');

let mount: TestMount;
beforeAll(async () => {
  mount = await mountFs(fs);
});
afterAll(cleanUp);

test('types, modes, links, owners, sizes, blocks, times and targets', async () => {
  const listing = await output(
    'find',
    `${mount.mountpoint}/usr`,
    '-printf',
    '%P %y %m %n %U %G %s %b %T@ %l\\n',
  );
  const rows = listing.slice(0, -1).split('\n').sort();
  expect(rows).toEqual(
    [
      ' d 1777 2 1000 2000 4096 0 1600000000.9999999990 ',
      'after-2106 f 644 1 0 0 1 1 8589934592.1234567890 ',
      'ancient f 644 1 0 0 1 1 -8589934592.0000000010 ',
      'before-1970 f 0 1 0 0 0 0 -1.5000000000 ',
      'block b 644 1 0 0 0 0 0.0000000000 ',
      'char c 666 1 0 0 0 0 0.0000000000 ',
      'fifo p 644 1 0 0 0 0 0.0000000000 ',
      'file f 4755 2 4294967294 70000 6 1 0.0000000000 ',
      `large f 644 1 0 0 ${LARGE} 8 0.0000000000 `,
      'link l 777 1 0 0 11 0 0.0000000000 ../usr/file',
      `long-link l 777 1 0 0 4095 0 0.0000000000 /${'x'.repeat(4094)}`,
    ].sort(),
  );
});

test('times as stat(2) has them: whole seconds may be negative, nanoseconds never', async () => {
  const stat = await probe<Record<string, string>>('stat', `${mount.mountpoint}/usr/before-1970`);
  expect(stat.mtimeNs).toBe('-500000000');
  expect([stat.atimeNs, stat.ctimeNs]).toEqual([stat.mtimeNs, stat.mtimeNs]);
  expect(stat.blksize).toBe('4096');
});

test('device numbers', async () => {
  const at = (name: string) => `${mount.mountpoint}/usr/${name}`;
  expect(await output('stat', '-c', '%t:%T', at('char'), at('block'))).toBe('1:3\n103:11170\n');
});

test('names of one inode share its number, and it is the tree’s', async () => {
  const numbers = await output(
    'stat',
    '-c',
    '%i',
    `${mount.mountpoint}/hard`,
    `${mount.mountpoint}/usr/file`,
    mount.mountpoint,
  );
  expect(numbers).toBe(`${file}\n${file}\n${fs.root}\n`);
});

test('raw-byte names are listed in order, found and read', async () => {
  const names = await probe<{ hex: string; isFile: boolean }[]>('names', `${mount.mountpoint}/raw`);
  expect(names.map(({ hex }) => hex)).toEqual(RAW_NAMES);
  expect(names.every(({ isFile }) => isFile)).toBe(true);
  for (const hex of RAW_NAMES) {
    const content = await probe<string>('readHexName', `${mount.mountpoint}/raw`, hex);
    expect(Buffer.from(content, 'hex').toString()).toBe(`content of ${hex}`);
  }
});

test('symlinks are followed, deep paths walked, misses missed', async () => {
  const { mountpoint } = mount;
  expect(await output('cat', `${mountpoint}/usr/link`)).toBe('hello\n');
  expect(await output('cat', `${mountpoint}/${'d/'.repeat(50)}bottom`)).toBe('bottom');
  const paths = [`${mountpoint}/nothing`, `${mountpoint}/usr/file/below`, `${mountpoint}/${'n'.repeat(256)}`];
  expect(await probe('statErrors', ...paths)).toEqual(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);
});

test('what was asked once is not asked again: entries, misses, attributes, targets', async () => {
  const paths = ['usr/file', 'nothing', 'usr/link', 'usr'].map((path) => `${mount.mountpoint}/${path}`);
  const ask = async () => {
    await probe('statErrors', ...paths);
    await output('readlink', paths[2]!);
    await output('ls', '-l', paths[3]!);
  };
  await ask();
  const { lookup, getattr, readlink, readdir } = fs.calls;
  await ask();
  expect(fs.calls).toMatchObject({ lookup, getattr, readlink, readdir });
});

test('statfs is that of a full file system', async () => {
  const { blocks, files } = fs.statfs();
  expect(await probe('statfs', mount.mountpoint)).toMatchObject({
    bsize: 4096,
    blocks,
    bfree: 0,
    bavail: 0,
    files,
    ffree: 0,
  });
  expect(await output('stat', '-f', '-c', '%l', mount.mountpoint)).toBe('255\n');
});

test('a tree walk by tar meets no fault', async () => {
  const result = await run('sh', [
    '-c',
    'tar -C "$1" -c usr/link usr/file raw d hard | wc -c',
    'sh',
    mount.mountpoint,
  ]);
  expect([result.status, result.stderr]).toEqual([0, '']);
  expect(mount.log.filter((line) => !line.startsWith('debug:'))).toEqual([]);
});
