import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { attempt, run } from '../support/child.js';
import { dir, file, hardlink, symlink } from '../support/tar.js';
import type { Scene, Subject } from './scene.js';

export const stacking: Subject = {
  name: 'stacking',
  isCopied: true,
  members: () => [
    dir('stacking/'),
    file('stacking/read', 'read'),
    file('stacking/changed', 'lower', { mode: 0o640, uid: 7, mtime: 1000, xattrs: { 'user.kept': 'yes' } }),
    file('stacking/removed', 'removed'),
    file('stacking/linked', 'linked'),
    hardlink('stacking/linked-too', 'stacking/linked'),
    symlink('stacking/link', 'read'),
    dir('stacking/dir/'),
    ...Array.from({ length: 100 }, (_, i) => file(`stacking/dir/${i}`, `file ${i}`)),
    dir('stacking/removed-dir/'),
    file('stacking/removed-dir/file', 'x'),
  ],
  tests(scene) {
    test('as the lower directory of an overlay it shows all that it has', async () => {
      const { merged } = await overlayOn(scene, scene.mountpoint);
      expect(await differences(`${scene.copy}/stacking`, `${merged}/stacking`)).toBe('');
      expect(await differences(scene.at('directories/many'), `${merged}/directories/many`)).toBe('');
    });

    test('what is changed in the overlay is its upper layer’s, and stays after a remount', async () => {
      const { merged, remount } = await overlayOn(scene, scene.mountpoint);
      const shell = async (script: string) =>
        (await run('sh', ['-euc', `cd "$1/stacking"; ${script}`, 'sh', merged])).stdout;
      await shell(`echo more >>changed; rm removed; rm -r removed-dir; mkdir removed-dir; echo new >new
        mv read moved; ln moved linked-new; chmod 600 dir/7; echo 8 >dir/8; rm dir/9; mv dir/10 .; touch -d @5 link`);
      const show = `cat changed new moved 10; ls removed-dir; ls dir | wc -l; stat -c '%a %u' changed dir/7
        getfattr --only-values -n user.kept changed; cat dir/8 dir/11; ! test -e removed`;
      const shown = 'lowermore\nnew\nreadfile 1098\n640 7\n600 0\nyes8\nfile 11';
      expect(await shell(show)).toBe(shown);
      await remount();
      expect(await shell(show)).toBe(shown);
      // Below it is as it was.
      expect(await differences(`${scene.copy}/stacking`, scene.at('stacking'))).toBe('');
    });

    test('unmounted below an overlay it serves it on, and ends with it', async () => {
      const { mountpoint, mounted } = await scene.mountAgain();
      const { merged } = await overlayOn(scene, mountpoint);
      await run('umount', ['-i', mountpoint]);
      expect(await differences(`${scene.copy}/stacking`, `${merged}/stacking`)).toBe('');
      await run('umount', [merged]);
      await mounted.closed;
    });

    test('bind mounts show it, read-only too', async () => {
      const bound = join(scene.scratch, 'bound');
      mkdirSync(bound);
      await run('mount', ['--bind', scene.at('stacking'), bound]);
      onTestFinished(async () => {
        await attempt('umount', ['-l', bound]);
      });
      expect(await differences(`${scene.copy}/stacking`, bound)).toBe('');
      expect((await attempt('touch', [`${bound}/new`])).stderr).toContain('Read-only file system');
      await run('umount', [bound]);
    });
  },
};

let overlays = 0;

/** An overlay with `lower` below, for this test. */
async function overlayOn(scene: Scene, lower: string) {
  const place = join(scene.scratch, `overlay-${overlays++}`);
  for (const name of ['', 'upper', 'work', 'merged']) mkdirSync(join(place, name));
  const merged = join(place, 'merged');
  const options = `lowerdir=${lower},upperdir=${place}/upper,workdir=${place}/work`;
  const mount = () => run('mount', ['-t', 'overlay', 'overlay', '-o', options, merged]);
  await mount();
  onTestFinished(async () => {
    await attempt('umount', ['-l', merged]);
  });
  const remount = async () => {
    await run('umount', [merged]);
    await mount();
  };
  return { merged, remount };
}

/** What diff says of two trees. */
async function differences(one: string, other: string): Promise<string> {
  const { status, stdout, stderr } = await attempt('diff', ['-r', '--no-dereference', one, other]);
  return status === 0 ? '' : stdout + stderr;
}
