import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output, run, type TestMount } from './mounting.js';

// getfattr is Debian's package `attr`.

const binary = Buffer.from([0, 1, 0xff, 0x0a, 0]);
const large = Buffer.alloc(65_536, 'v');

const fs = new MemoryFs();
const xattrs = {
  'user.binary': binary,
  'user.large': large,
  'user.empty': Buffer.alloc(0),
  'security.x': Buffer.from('s'),
};
fs.file(fs.root, 'file', '', { xattrs, hidden: { 'layerslayer.layer': Buffer.from('sha256:ab') } });
fs.file(fs.root, 'none', '');
fs.symlink(fs.root, 'link', 'file', { xattrs: { 'trusted.t': Buffer.from('on the link') } });
const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`user.${i}`, Buffer.from(String(i))]));
fs.file(fs.root, 'many', '', { xattrs: many });

let mount: TestMount;
beforeAll(async () => {
  mount = await mountFs(fs);
});
afterAll(cleanUp);

const get = (file: string, name: string, ...options: string[]) =>
  run('getfattr', [
    '--absolute-names',
    '--only-values',
    ...options,
    '-n',
    name,
    `${mount.mountpoint}/${file}`,
  ]);

test.each([
  ['user.binary', binary],
  ['user.large', large],
  ['user.empty', Buffer.alloc(0)],
  ['security.x', Buffer.from('s')],
  ['layerslayer.layer', Buffer.from('sha256:ab')],
])('value of %s', async (name, value) => {
  const { status, stdout } = await get('file', name);
  expect([status, stdout.equals(value)]).toEqual([0, true]);
});

test('of a symlink itself', async () => {
  expect((await get('link', 'trusted.t', '-h')).stdout.toString()).toBe('on the link');
});

test('one that is not there', async () => {
  const { status, stderr } = await get('none', 'user.binary');
  expect(status).toBe(1);
  expect(stderr).toContain('No such attribute');
});

test('lists hold the image’s own names, not ours', async () => {
  const list = (file: string) =>
    output('getfattr', '--absolute-names', '-m', '-', `${mount.mountpoint}/${file}`);
  expect(
    (await list('file'))
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .sort(),
  ).toEqual(Object.keys(xattrs).sort());
  expect(await list('none')).toBe('');
  expect((await list('many')).match(/^user\.\d+$/gm)).toHaveLength(500);
});
