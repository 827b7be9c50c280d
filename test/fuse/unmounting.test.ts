import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { DevFuseTransport } from '#dist/fuse/dev-fuse-transport.js';
import { FuseNativeTransport } from '#dist/fuse/fuse-native-transport.js';
import { readMountTable, topmostAt } from '#dist/fuse/mount-table.js';
import type { TransportOptions } from '#dist/fuse/transport.js';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, HAS_FUSE_NATIVE, mountFs as mountBy, output, run, type TestMount } from './mounting.js';

afterEach(cleanUp);

function newFs() {
  const fs = new MemoryFs();
  fs.file(fs.root, 'file', 'content');
  return fs;
}

const isMounted = async (mountpoint: string) => topmostAt(await readMountTable(), mountpoint) !== undefined;

/** A process that has a file of the mount open until it is released. */
async function holding(mount: TestMount) {
  const child = spawn(
    'sh',
    ['-c', 'exec 3<"$1"; echo open; read _; cat <&3', 'sh', `${mount.mountpoint}/file`],
    { cwd: '/' },
  );
  await once(child.stdout, 'data');
  const text: Buffer[] = [];
  child.stdout.on('data', (chunk) => text.push(chunk));
  return {
    release: async () => {
      const closed = once(child, 'close');
      child.stdin.end('\n');
      const [status] = await closed;
      return { status, text: Buffer.concat(text).toString() };
    },
  };
}

const transports = [new DevFuseTransport(), ...(HAS_FUSE_NATIVE ? [new FuseNativeTransport()] : [])];

describe.each(transports)('$name', (transport) => {
  const mountFs = (fs: MemoryFs, changes: Partial<TransportOptions> = {}) => mountBy(fs, changes, transport);

  test('what /proc/mounts shows', async () => {
    const source = 'docker.io/library/a,b:1@sha256:00 \\c#';
    const { mountpoint } = await mountFs(newFs(), { source });
    const entry = topmostAt(await readMountTable(), mountpoint);
    expect(entry).toMatchObject({
      type: 'fuse.layerslayer',
      source,
      options: expect.stringMatching(/^ro,nosuid,nodev/),
    });
    expect(entry?.superOptions).not.toContain('allow_other');
  });

  test('options that were asked for', async () => {
    const { mountpoint } = await mountFs(newFs(), {
      source: '-o',
      allowOther: true,
      suid: true,
      devices: true,
    });
    const entry = topmostAt(await readMountTable(), mountpoint);
    expect(entry).toMatchObject({ source: '-o', options: expect.not.stringMatching(/nosuid|nodev/) });
    expect(entry?.superOptions).toMatch(/default_permissions,allow_other/);
  });

  test('unmounted by us', async () => {
    const { mountpoint, mounted } = await mountFs(newFs());
    await mounted.unmount({ lazy: false });
    await mounted.closed;
    expect(await isMounted(mountpoint)).toBe(false);
    await mounted.unmount({ lazy: false }); // again: nothing to do
    await mounted.abort();
  });

  test('unmounted from outside', async () => {
    const { mountpoint, mounted, log } = await mountFs(newFs());
    await output('umount', mountpoint);
    await mounted.closed;
    expect(log.filter((line) => !line.startsWith('debug:'))).toEqual([]);
  });

  test('busy: it says so and goes on; free again: it goes', async () => {
    const mount = await mountFs(newFs());
    const holder = await holding(mount);
    await expect(mount.mounted.unmount({ lazy: false })).rejects.toMatchObject({
      code: 'UNMOUNT_FAILED',
      message: expect.stringContaining('target is busy'),
    });
    expect(await output('cat', `${mount.mountpoint}/file`)).toBe('content');
    expect(await holder.release()).toEqual({ status: 0, text: 'content' });
    await mount.mounted.unmount({ lazy: false });
    await mount.mounted.closed;
  });

  test('lazily: out of sight at once, served until the last user goes', async () => {
    const mount = await mountFs(newFs());
    const holder = await holding(mount);
    await mount.mounted.unmount({ lazy: true });
    expect(await isMounted(mount.mountpoint)).toBe(false);
    expect(await holder.release()).toEqual({ status: 0, text: 'content' });
    await mount.mounted.closed;
  });

  test('aborted: gone at once, its users fail', async () => {
    const mount = await mountFs(newFs());
    const holder = await holding(mount);
    await mount.mounted.abort();
    await mount.mounted.closed;
    expect(await isMounted(mount.mountpoint)).toBe(false);
    expect((await holder.release()).status).not.toBe(0);
  });

  test('a connection aborted from outside leaves no dead mount', async () => {
    const mount = await mountFs(newFs());
    const holder = await holding(mount);
    expect((await run('umount', ['-f', mount.mountpoint])).status).not.toBe(0); // busy, but aborted
    await mount.mounted.closed;
    expect(await isMounted(mount.mountpoint)).toBe(false);
    await holder.release();
  });

  test('covered by another mount: that one is left alone', async () => {
    const { mountpoint, mounted } = await mountFs(newFs());
    await output('mount', '-t', 'tmpfs', 'cover', mountpoint);
    await expect(mounted.unmount({ lazy: true })).rejects.toMatchObject({
      code: 'UNMOUNT_FAILED',
      message: expect.stringContaining('something else is mounted over it'),
    });
    expect(topmostAt(await readMountTable(), mountpoint)?.type).toBe('tmpfs');
    await output('umount', mountpoint);
    await mounted.unmount({ lazy: false });
    await mounted.closed;
  });

  test('work that waits is aborted when the mount goes', async () => {
    const fs = new MemoryFs();
    let signal: AbortSignal | undefined;
    const started = new Promise<void>((resolve) => {
      fs.device(fs.root, 'waits', 4096, (_offset, _length, given) => {
        signal = given;
        resolve();
        return new Promise(() => {});
      });
    });
    const { mountpoint, mounted, log } = await mountFs(fs);
    const reader = run('cat', [`${mountpoint}/waits`]);
    await started;
    await mounted.abort();
    await mounted.closed;
    expect((await reader).status).not.toBe(0);
    expect(signal?.aborted).toBe(true);
    // Nothing was written to the descriptor once it was closed.
    expect(log.filter((line) => !line.startsWith('debug:'))).toEqual([]);
  });
});
