import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output, probe, run, type TestMount } from './mounting.js';

const fs = new MemoryFs();
fs.file(fs.root, 'file', 'content');
fs.dir(fs.root, 'dir');
fs.symlink(fs.root, 'link', 'file');

let mount: TestMount;
beforeAll(async () => {
  mount = await mountFs(fs);
});
afterAll(cleanUp);

const mkfifo = () => run('mkfifo', [`${mount.mountpoint}/new`]);
const setfattr = (...args: string[]) => run('setfattr', [...args, `${mount.mountpoint}/file`]);

async function refusals(): Promise<Record<string, string>> {
  const refused = await probe<Record<string, string>>('writes', mount.mountpoint);
  const tools = {
    mkfifo: mkfifo(),
    setxattr: setfattr('-n', 'user.x', '-v', '1'),
    removexattr: setfattr('-x', 'user.x'),
  };
  for (const [name, result] of Object.entries(tools)) {
    refused[name] = (await result).stderr.includes('Read-only file system') ? 'EROFS' : (await result).stderr;
  }
  return refused;
}

test('everything that writes is EROFS', async () => {
  const refused = await refusals();
  expect(Object.keys(refused).length).toBeGreaterThan(15);
  for (const [call, error] of Object.entries(refused)) expect([call, error]).toEqual([call, 'EROFS']);
});

test('and still is when somebody remounts it writable, where the kernel lets requests through to us', async () => {
  await output('mount', '-i', '-o', 'remount,rw', mount.mountpoint);
  const { openWrite, openAppend, write, ...refused } = await refusals();
  for (const [call, error] of Object.entries(refused)) expect([call, error]).toEqual([call, 'EROFS']);
  // With no OPEN sent, the kernel opens for writing itself; the write is what fails.
  expect({ openWrite, openAppend, write }).toEqual({ openWrite: 'ok', openAppend: 'EROFS', write: 'EROFS' });
  expect(await output('cat', `${mount.mountpoint}/file`)).toBe('content');
});
