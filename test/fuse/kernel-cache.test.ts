import { afterEach, expect, test } from 'vitest';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output } from './mounting.js';

// What the kernel keeps by our protocol alone: libfuse 2 knows neither flag.

afterEach(cleanUp);

test('targets of links and names of directories are not asked for again', async () => {
  const fs = new MemoryFs();
  const dir = fs.dir(fs.root, 'dir');
  for (let i = 0; i < 100; i++) fs.file(dir, `file-${i}`, '');
  fs.symlink(fs.root, 'link', 'dir');
  const { mountpoint } = await mountFs(fs);
  const look = async () => {
    await output('readlink', `${mountpoint}/link`);
    await output('ls', '-l', `${mountpoint}/dir`);
  };
  await look();
  const { readlink, readdir } = fs.calls;
  expect([readlink, readdir > 0]).toEqual([1, true]);
  await look();
  expect(fs.calls).toMatchObject({ readlink, readdir });
});

test('attributes come along with the names of a directory: no lookup or getattr follows', async () => {
  const fs = new MemoryFs();
  const large = fs.dir(fs.root, 'large');
  for (let i = 0; i < 5000; i++) fs.file(large, `entry-${i}`, '');
  const { mountpoint } = await mountFs(fs);
  const lines = await output('find', `${mountpoint}/large`, '-mindepth', '1', '-printf', '%f %s %i\\n');
  expect(lines.split('\n')).toHaveLength(5001);
  expect(fs.calls.lookup).toBeLessThan(10);
});
