import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output, run, type TestMount } from './mounting.js';

const SIZE = 64 * 2 ** 30; // bytes: reading its holes would take minutes
const DATA_AT = SIZE - 8192;
const data = Buffer.from('data'.repeat(1024));

const fs = new MemoryFs();
const sparse = fs.device(fs.root, 'sparse', SIZE, (offset, length) => {
  const bytes = Buffer.alloc(length);
  const from = Math.max(offset, DATA_AT);
  const to = Math.min(offset + length, DATA_AT + data.length);
  if (from < to) data.copy(bytes, from - offset, from - DATA_AT, to - DATA_AT);
  return bytes;
});
fs.describe(sparse, { segments: [[DATA_AT, data.length]], blocks: data.length / 512 });
fs.file(fs.root, 'plain', 'text', { mode: 0o644 });
fs.file(fs.root, 'program', '#!/bin/sh\n', { mode: 0o744 });

let mount: TestMount;
let scratch: string;
beforeAll(async () => {
  mount = await mountFs(fs);
  scratch = await mkdtemp(join(tmpdir(), 'layerslayer-seek-'));
});
afterAll(async () => {
  await cleanUp();
  await rm(scratch, { recursive: true });
});

test('tar finds the data of a sparse file without reading its holes', async () => {
  const archive = join(scratch, 'sparse.tar');
  const before = fs.calls.read;
  await output('tar', '-S', '--hole-detection=seek', '-cf', archive, '-C', mount.mountpoint, 'sparse');
  expect((await stat(archive)).size).toBeLessThan(64 * 1024);
  expect((await readFile(archive)).includes(data)).toBe(true);
  expect(fs.calls.read - before).toBeLessThan(8);
});

test('cp copies holes as holes', async () => {
  const copy = join(scratch, 'copy');
  await output('cp', '--sparse=auto', join(mount.mountpoint, 'sparse'), copy);
  const { size, blocks } = await stat(copy);
  expect(size).toBe(SIZE);
  expect(blocks * 512).toBeLessThan(1 << 20);
});

test('access(2): what has no x bit is not executable, and nothing is writable', async () => {
  const holds = async (...condition: string[]) => (await run('test', condition)).status === 0;
  const [plain, program] = [join(mount.mountpoint, 'plain'), join(mount.mountpoint, 'program')];
  expect([await holds('-x', plain), await holds('-x', program)]).toEqual([false, true]);
  expect([await holds('-r', plain), await holds('-w', plain)]).toEqual([true, false]);
});
