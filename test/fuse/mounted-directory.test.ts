import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output, type TestMount } from './mounting.js';

const ENTRIES = 100_000;

const fs = new MemoryFs();
const large = fs.dir(fs.root, 'large');
for (let i = 0; i < ENTRIES; i++) fs.file(large, `entry-${i}`, '');
fs.dir(fs.root, 'empty');

let mount: TestMount;
beforeAll(async () => {
  mount = await mountFs(fs);
});
afterAll(cleanUp);

test('100,000 entries, once each and in order; their attributes come along, no lookup or getattr follows', async () => {
  const lines = await output('find', `${mount.mountpoint}/large`, '-mindepth', '1', '-printf', '%f %s %i\\n');
  const expected = Array.from({ length: ENTRIES }, (_, i) => `entry-${i} 0 ${large + 1 + i}\n`).join('');
  expect(lines === expected).toBe(true); // not toEqual: its diff of 3 MB would take minutes
  expect(fs.calls.lookup).toBeLessThan(10);
});

test('many readers at once see the same', async () => {
  const counts = Array.from({ length: 8 }, () =>
    output('sh', '-c', 'ls -f "$1" | cksum', 'sh', `${mount.mountpoint}/large`),
  );
  expect(new Set(await Promise.all(counts)).size).toBe(1);
});

test('an empty directory', async () => {
  expect(await output('ls', '-A', `${mount.mountpoint}/empty`)).toBe('');
});
