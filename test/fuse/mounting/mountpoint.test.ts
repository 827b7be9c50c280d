import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DevFuseTransport } from '#src/fuse/dev-fuse/dev-fuse-transport.js';
import { readMountTable, topmostAt } from '#src/fuse/mounting/mount-table.js';
import { checkMountpoint } from '#src/fuse/mounting/mountpoint.js';
import { rootMount } from '#src/fuse/mounting/root-mount.js';
import { compiled } from '../../setup/programs.js';
import { MemoryFs } from '../memory-fs.js';
import { cleanUp, mountFs, newMountpoint, optionsFor, output, run } from '../mounting.js';

const hosts: ChildProcess[] = [];

afterEach(async () => {
  for (const host of hosts.splice(0)) {
    if (host.exitCode !== null || host.signalCode !== null) continue;
    host.kill('SIGKILL');
    await once(host, 'exit');
  }
  await cleanUp();
});

/** A mount served by a process of its own. */
async function hostOn(mountpoint: string): Promise<ChildProcess> {
  const script = compiled('test/fuse/doomed-host.mjs');
  const host = spawn(process.execPath, [script, mountpoint], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  hosts.push(host);
  await once(host.stdout!, 'data');
  return host;
}

async function kill(host: ChildProcess): Promise<void> {
  host.kill('SIGKILL');
  await once(host, 'exit');
}

/** Whether a `stat` of ours waits for the file system mounted there. */
function isWaitedFor(mountpoint: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return (
        readFileSync(`/proc/${pid}/cmdline`, 'latin1') === `stat\0-f\0--\0${mountpoint}\0` &&
        /^State:\s*[SD]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')) &&
        /fuse|wait|^0$/.test(readFileSync(`/proc/${pid}/wchan`, 'latin1'))
      );
    } catch {
      return false; // no process, or one that has ended
    }
  });
}

async function until(condition: () => boolean, complaint: string): Promise<void> {
  const deadline = Date.now() + 2500; // below the 3 s after which the file system is taken for hung
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(complaint);
    await sleep(5);
  }
}

const isMounted = async (mountpoint: string) => topmostAt(await readMountTable(), mountpoint) !== undefined;
const check = async (path: string, nonempty = false) => (await checkMountpoint(path, { nonempty })).path;
const failure = (text: string) => ({ code: 'MOUNT_FAILED', message: expect.stringContaining(text) });

test('an empty directory, by any name of it, is told by its canonical one', async () => {
  const mountpoint = await newMountpoint();
  expect(await check(mountpoint)).toBe(mountpoint);
  expect(await check(`${mountpoint}/`)).toBe(mountpoint);
  expect(await check(`${mountpoint}/../${mountpoint.split('/').at(-1)}`)).toBe(mountpoint);
  await mkdir(`${mountpoint}/target`);
  await symlink('target', `${mountpoint}/link`);
  expect(await check(`${mountpoint}/link`)).toBe(`${mountpoint}/target`);
});

test('missing, no directory, a loop', async () => {
  const mountpoint = await newMountpoint();
  await writeFile(`${mountpoint}/file`, '');
  await symlink('loop', `${mountpoint}/loop`);
  await expect(check(`${mountpoint}/missing`)).rejects.toMatchObject(
    failure('no such directory; create it first'),
  );
  await expect(check(`${mountpoint}/file`)).rejects.toMatchObject(failure('not a directory'));
  await expect(check(`${mountpoint}/file/below`)).rejects.toMatchObject(failure('not a directory'));
  await expect(check(`${mountpoint}/loop`)).rejects.toMatchObject(
    failure('too many levels of symbolic links'),
  );
});

test('not empty', async () => {
  const mountpoint = await newMountpoint();
  await writeFile(`${mountpoint}/.hidden`, '');
  await expect(check(mountpoint)).rejects.toMatchObject(failure('not empty'));
  expect(await check(mountpoint, true)).toBe(mountpoint);
});

test('another file system is mounted there', async () => {
  const mountpoint = await newMountpoint();
  await output('mount', '-t', 'tmpfs', 'some-tmpfs', mountpoint);
  await expect(check(mountpoint)).rejects.toMatchObject(failure('some-tmpfs (tmpfs) is mounted there'));
  expect(await check(mountpoint, true)).toBe(mountpoint);
});

test('a live mount of ours is never covered', async () => {
  const { mountpoint } = await mountFs(new MemoryFs());
  for (const nonempty of [false, true]) {
    await expect(check(mountpoint, nonempty)).rejects.toMatchObject(
      failure('example.com/test:1 is mounted there already'),
    );
  }
});

test('a mount of a killed daemon is removed, also when several lie there or a symlink leads to it', async () => {
  const mountpoint = await newMountpoint();
  await kill(await hostOn(mountpoint));
  expect(await isMounted(mountpoint)).toBe(true);
  expect(await check(mountpoint)).toBe(mountpoint);
  expect(await isMounted(mountpoint)).toBe(false);

  const link = `${await newMountpoint()}/link`;
  await symlink(mountpoint, link);
  await kill(await hostOn(mountpoint));
  expect(await check(link)).toBe(mountpoint);
  expect(await isMounted(mountpoint)).toBe(false);
  await rm(link);
});

test('a name with blanks and backslashes is found in the table', async () => {
  const odd = `${await newMountpoint()}/a b\\040\tc`;
  await mkdir(odd);
  await kill(await hostOn(odd));
  expect(await check(odd)).toBe(odd);
  expect(await isMounted(odd)).toBe(false);
});

test('mounting again where a daemon was killed just works', async () => {
  const mountpoint = await newMountpoint();
  await kill(await hostOn(mountpoint));
  const fs = new MemoryFs();
  fs.file(fs.root, 'file', 'new');
  await new DevFuseTransport().mount(fs, mountpoint, optionsFor());
  expect(await output('cat', `${mountpoint}/file`)).toBe('new');
});

test('a directory below a dead mount', async () => {
  const mountpoint = await newMountpoint();
  await kill(await hostOn(mountpoint));
  await expect(check(`${mountpoint}/below`)).rejects.toMatchObject(failure('a dead mount is there'));
});

test('a hung daemon hangs no check: neither on its mount nor below', async () => {
  const mountpoint = await newMountpoint();
  const host = await hostOn(mountpoint);
  host.kill('SIGSTOP');
  const both = await Promise.allSettled([check(mountpoint), check(`${mountpoint}/below`)]);
  expect(both.map((each) => each.status === 'rejected' && each.reason.message)).toEqual([
    expect.stringContaining('doomed is mounted there already, and does not answer'),
    expect.stringContaining('its file system does not answer'),
  ]);
  host.kill('SIGCONT');
});

test('a daemon that dies while it is being asked is dead, not a fault', async () => {
  const mountpoint = await newMountpoint();
  const host = await hostOn(mountpoint);
  host.kill('SIGSTOP');
  const checked = check(mountpoint);
  checked.catch(() => {});
  await until(() => isWaitedFor(mountpoint), 'no process asks the file system');
  await kill(host);
  expect(await checked).toBe(mountpoint);
});

test('the transport checks before it mounts', async () => {
  const transport = new DevFuseTransport();
  await expect(transport.mount(new MemoryFs(), '/nonexistent/x', optionsFor())).rejects.toMatchObject(
    failure('mountpoint /nonexistent/x: no such directory'),
  );
});

test('without the device: what to do about it', async () => {
  const mountpoint = await newMountpoint();
  const script = compiled('test/fuse/doomed-host.mjs');
  const command = 'mount -t tmpfs none /dev && exec "$0" "$1" "$2"';
  const result = await run('unshare', ['-m', 'sh', '-c', command, process.execPath, script, mountpoint]);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(
    /opening \/dev\/fuse: no such file or directory; load the kernel module with `modprobe fuse`/,
  );
});

test('what mount(8) refuses is told, and nothing stays open', async () => {
  const mountpoint = await newMountpoint();
  const refused = new DevFuseTransport().mount(new MemoryFs(), mountpoint, optionsFor({ source: 'nul\0' }));
  await expect(refused).rejects.toMatchObject({ code: 'MOUNT_FAILED' });
  expect(await isMounted(mountpoint)).toBe(false);
});

describe('a directory that its owner swaps', () => {
  /** Puts a tool into PATH that runs `script`, then the real tool. */
  async function wrapTool(tool: string, script: string): Promise<void> {
    const real = (await output('which', tool)).trim();
    const bin = await newMountpoint();
    await writeFile(`${bin}/${tool}`, `#!/bin/sh\n${script}\nexec ${real} "$@"\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  }

  afterEach(() => void vi.unstubAllEnvs());

  test.each([
    ['by a symlink', 'mv mnt old && ln -s victim mnt'],
    ['by another directory', 'mv mnt old && mkdir mnt'],
    ['with the one that it lies in', 'mkdir elsewhere && mv mnt elsewhere/ && mv victim mnt'],
    ['by nothing', 'rmdir mnt'],
  ])('after it was checked, %s, is not mounted on', async (_how, swap) => {
    const base = await newMountpoint();
    await mkdir(`${base}/mnt`);
    await mkdir(`${base}/victim`);
    const { path, identity } = await checkMountpoint(`${base}/mnt`, { nonempty: false });
    await output('sh', '-c', `cd ${base} && ${swap}`);
    const options = optionsFor({ checkedMs: Date.now(), checkedIdentity: identity });
    const mounting = new DevFuseTransport().mount(new MemoryFs(), path, options);
    await expect(mounting).rejects.toMatchObject(failure(`mounting on ${base}/mnt: `));
    expect((await readMountTable()).filter(({ mountpoint }) => mountpoint.startsWith(base))).toEqual([]);
  });

  test.each([
    ['it', 'mnt', 'mv mnt old && ln -s victim/mnt mnt'],
    ['what it lies in', 'p/mnt', 'mv p old && ln -s victim p'],
  ])(
    'in the very moment of the mount (%s) is where the mount ends, not elsewhere',
    async (_what, name, swap) => {
      const base = await newMountpoint();
      await mkdir(`${base}/${name}`, { recursive: true });
      await mkdir(`${base}/victim/mnt`, { recursive: true });
      await wrapTool('mount', `(cd ${base} && ${swap})`);
      const mounting = new DevFuseTransport().mount(new MemoryFs(), `${base}/${name}`, optionsFor());
      await expect(mounting).rejects.toMatchObject(failure('the directory was moved while it was in use'));
      expect((await readMountTable()).filter(({ mountpoint }) => mountpoint.startsWith(base))).toEqual([]);
    },
  );

  test('does not unmount another mount', async () => {
    const base = await newMountpoint();
    await mkdir(`${base}/p/mnt`, { recursive: true });
    await mkdir(`${base}/victim/mnt`, { recursive: true });
    await output('mount', '-t', 'tmpfs', 'some-tmpfs', `${base}/victim/mnt`);
    try {
      const mounted = await new DevFuseTransport().mount(new MemoryFs(), `${base}/p/mnt`, optionsFor());
      await wrapTool('umount', `(cd ${base} && mv p old && ln -s victim p)`);
      await mounted.unmount({ lazy: false });
      await mounted.closed;
      const left = (await readMountTable()).filter(({ mountpoint }) => mountpoint.startsWith(base));
      expect(left.map(({ source }) => source)).toEqual(['some-tmpfs']);
    } finally {
      vi.unstubAllEnvs();
      await output('umount', `${base}/victim/mnt`);
    }
  });
});

describe('unmounting as root', () => {
  test.runIf(process.geteuid?.() === 0)(
    'does not follow a symlink that took the place of the mount',
    async () => {
      const { mountpoint: other } = await mountFs(new MemoryFs());
      const place = `${await newMountpoint()}/place`;
      await symlink(other, place);
      await expect(rootMount.detach(place, 'lazily')).rejects.toMatchObject({
        code: 'UNMOUNT_FAILED',
        message: expect.stringContaining(`${place}: not mounted any more`),
      });
      expect(topmostAt(await readMountTable(), other)).toBeDefined();
    },
  );
});
