import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readMountTable, topmostAt } from '#src/fuse/mounting/mount-table.js';
import type { TransportOptions } from '#src/fuse/transport.js';
import { MemoryFs } from '../fuse/memory-fs.js';
import { newMountpoint, optionsFor, removeMount, type TestMount } from '../fuse/mounting.js';
import { attempt, run } from '../support/child.js';
import { elsewhere } from './elsewhere.js';
import { complaintsOf, type Subject } from './scene.js';

export const mounts: Subject = {
  name: 'mounts',
  tests(scene) {
    const mount = (options?: Partial<TransportOptions>) => scene.mountFs(newFs(), options);

    test('what /proc/mounts shows', async () => {
      const source = 'docker.io/library/a,b:1@sha256:00 \\c#';
      const { mountpoint } = await mount({ source });
      const entry = topmostAt(await readMountTable(), mountpoint);
      expect(entry).toMatchObject({
        type: 'fuse.layerslayer',
        source,
        options: expect.stringMatching(/^ro,nosuid,nodev/),
      });
      expect(entry?.superOptions).not.toContain('allow_other');
    });

    test('options that were asked for', async () => {
      const { mountpoint } = await mount({
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
      const { mountpoint, mounted } = await mount();
      await mounted.unmount({ lazy: false });
      await mounted.closed;
      expect(await isMounted(mountpoint)).toBe(false);
      await mounted.unmount({ lazy: false }); // again: nothing to do
      await mounted.abort();
    });

    test('unmounted from outside', async () => {
      const left = await mount();
      await run('umount', [left.mountpoint]);
      await left.mounted.closed;
      expect(complaintsOf(left)).toEqual([]);
    });

    test('busy: it says so and stays; free again: it is unmounted', async () => {
      const busy = await mount();
      const holder = await holding(busy);
      await expect(busy.mounted.unmount({ lazy: false })).rejects.toMatchObject({
        code: 'UNMOUNT_FAILED',
        message: expect.stringContaining('target is busy'),
      });
      expect((await run('cat', [`${busy.mountpoint}/file`])).stdout).toBe('content');
      expect(await holder.release()).toEqual({ status: 0, text: 'content' });
      await busy.mounted.unmount({ lazy: false });
      await busy.mounted.closed;
    });

    test('lazily: out of sight at once, served until the last user goes', async () => {
      const busy = await mount();
      const holder = await holding(busy);
      await busy.mounted.unmount({ lazy: true });
      expect(await isMounted(busy.mountpoint)).toBe(false);
      expect(await holder.release()).toEqual({ status: 0, text: 'content' });
      await busy.mounted.closed;
    });

    test('aborted: gone at once, its users fail', async () => {
      const busy = await mount();
      const holder = await holding(busy);
      await busy.mounted.abort();
      await busy.mounted.closed;
      expect(await isMounted(busy.mountpoint)).toBe(false);
      expect((await holder.release()).status).not.toBe(0);
    });

    test('a connection aborted from outside leaves no dead mount', async () => {
      const busy = await mount();
      const holder = await holding(busy);
      expect((await attempt('umount', ['-f', busy.mountpoint])).status).not.toBe(0); // busy, but aborted
      await busy.mounted.closed;
      expect(await isMounted(busy.mountpoint)).toBe(false);
      await holder.release();
    });

    test('covered by another mount: that one is left alone', async () => {
      const { mountpoint, mounted } = await mount();
      await run('mount', ['-t', 'tmpfs', 'cover', mountpoint]);
      await expect(mounted.unmount({ lazy: true })).rejects.toMatchObject({
        code: 'UNMOUNT_FAILED',
        message: expect.stringContaining('something else is mounted over it'),
      });
      expect(topmostAt(await readMountTable(), mountpoint)?.type).toBe('tmpfs');
      await run('umount', [mountpoint]);
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
      const waiting = await scene.mountFs(fs);
      const reader = attempt('cat', [`${waiting.mountpoint}/waits`]);
      await started;
      await waiting.mounted.abort();
      await waiting.mounted.closed;
      expect((await reader).status).not.toBe(0);
      expect(signal?.aborted).toBe(true);
      // Nothing was written to the descriptor once it was closed.
      expect(complaintsOf(waiting)).toEqual([]);
    });

    test('refuses a directory with entries, unless asked', async () => {
      const mountpoint = await mountpointWith((path) => writeFile(join(path, 'below'), ''));
      await expect(scene.transport.mount(newFs(), mountpoint, optionsFor())).rejects.toMatchObject({
        code: 'MOUNT_FAILED',
        message: expect.stringContaining('not empty'),
      });
      expect((await run('ls', [mountpoint])).stdout).toBe('below\n');
    });

    scene.carried('nonemptyMountpoints', 'goes over a directory with entries when asked to', async () => {
      const mountpoint = await mountpointWith((path) => writeFile(join(path, 'below'), ''));
      const mounted = await scene.transport.mount(newFs(), mountpoint, optionsFor({ nonempty: true }));
      expect((await run('ls', [mountpoint])).stdout).toBe('file\n');
      await mounted.unmount({ lazy: false });
      await mounted.closed;
      expect((await run('ls', [mountpoint])).stdout).toBe('below\n');
      await rm(join(mountpoint, 'below'));
    });

    scene.carried('overMounts', 'goes over another mount when asked to', async () => {
      const mountpoint = await mountpointWith((path) => run('mount', ['-t', 'tmpfs', 'below', path]));
      const mounted = await scene.transport.mount(newFs(), mountpoint, optionsFor({ nonempty: true }));
      expect((await run('ls', [mountpoint])).stdout).toBe('file\n');
      await mounted.unmount({ lazy: false });
      await mounted.closed;
      expect(topmostAt(await readMountTable(), mountpoint)?.type).toBe('tmpfs');
    });

    scene.carried(
      'lastingHandles',
      'opens what another mount of the same tree gave a handle of',
      async () => {
        const [one, other] = [await mount(), await mount()];
        const content = await elsewhere(
          ({ fs, libc }, from, to) => {
            const descriptor = libc.openByHandle(fs.openSync(to, 'r'), libc.handleOf(`${from}/file`));
            return fs.readFileSync(descriptor, 'latin1');
          },
          one.mountpoint,
          other.mountpoint,
        );
        expect(content).toBe('content');
      },
    );
  },
};

function newFs() {
  const fs = new MemoryFs();
  fs.file(fs.root, 'file', 'content');
  return fs;
}

const isMounted = async (mountpoint: string) => topmostAt(await readMountTable(), mountpoint) !== undefined;

/** A new mountpoint, for this test, after something was done to it. */
async function mountpointWith(prepare: (path: string) => Promise<unknown>): Promise<string> {
  const path = await newMountpoint();
  onTestFinished(() => removeMount(path));
  await prepare(path);
  return path;
}

/** A process that has a file of the mount open until it is released. */
async function holding({ mountpoint }: TestMount) {
  const child = spawn('sh', ['-c', 'exec 3<"$1"; echo open; read _; cat <&3', 'sh', `${mountpoint}/file`], {
    cwd: '/',
  });
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
