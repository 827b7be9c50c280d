import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MemoryFs } from '../fuse/memory-fs.js';
import { attempt, run } from '../support/child.js';
import type { Subject } from './scene.js';

/** How long the kernel caches names and attributes by libfuse's default, and a little more. */
const LIBFUSE_KEEPS_MS = 1_100;

/** Nothing of an image changes, so the kernel may keep what it was told for as long as it likes. */
export const caching: Subject = {
  name: 'caching',
  tests(scene) {
    test('what was asked once is not asked again: names, misses, attributes', async () => {
      const fs = new MemoryFs();
      const dir = fs.dir(fs.root, 'dir');
      fs.file(dir, 'file', 'content');
      const { mountpoint } = await scene.mountFs(fs);
      const paths = ['dir', 'dir/file', 'dir/none', 'none'].map((path) => `${mountpoint}/${path}`);
      const look = () => attempt('stat', paths);
      await look();
      const { lookup, getattr } = fs.calls;
      expect(lookup).toBeGreaterThan(3);
      await sleep(LIBFUSE_KEEPS_MS);
      await look();
      expect(fs.calls).toMatchObject({ lookup, getattr });
    });

    test('contents stay in the page cache, also when the file is opened again', async () => {
      const fs = new MemoryFs();
      fs.file(fs.root, 'file', Buffer.alloc(300_000, 'x'));
      const { mountpoint } = await scene.mountFs(fs);
      const sum = async () => (await run('cksum', [`${mountpoint}/file`])).stdout;
      const first = await sum();
      const { read } = fs.calls;
      expect(read).toBeGreaterThan(0);
      expect([await sum(), fs.calls.read]).toEqual([first, read]);
    });
  },
};
