import { expect, test } from 'vitest';
import { attempt, run } from '../support/child.js';
import { attemptAs, NOBODY } from '../support/ordinary-user.js';
import { char, dir, file } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Subject } from './scene.js';

const SCRIPT = '#!/bin/sh\nid -u\n';

export const permissions: Subject = {
  name: 'permissions',
  members: () => [
    dir('permissions/'),
    file('permissions/public', 'public', { mode: 0o644 }),
    file('permissions/secret', 'secret', { mode: 0o600 }),
    file('permissions/theirs', 'theirs', { mode: 0o400, uid: NOBODY }),
    file('permissions/of-their-group', 'group', { mode: 0o040, gid: NOBODY }),
    file('permissions/not-of-their-group', 'group', { mode: 0o604, gid: NOBODY }),
    file('permissions/script', SCRIPT, { mode: 0o755 }),
    file('permissions/roots-script', SCRIPT, { mode: 0o744 }),
    dir('permissions/closed/', { mode: 0o700 }),
    file('permissions/closed/public', 'public', { mode: 0o644 }),
    dir('permissions/unlisted/', { mode: 0o711 }),
    file('permissions/unlisted/public', 'public', { mode: 0o644 }),
    char('permissions/null', 1, 3, { mode: 0o666 }),
  ],
  tests(scene) {
    test('keep other users out, unless asked', async () => {
      const { status, stderr } = await attemptAs(NOBODY, 'cat', scene.at('permissions/public'));
      expect([status, stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
    });

    test('of the image hold for other users where they are let in', async () => {
      const { mountpoint } = await scene.mountAgain({ allowOther: true });
      // Programs by way of env: setpriv itself still has root's capabilities when it executes.
      const can = async (...command: string[]) =>
        (await attemptAs(NOBODY, ...(command as [string]))).status === 0;
      const at = (path: string) => `${mountpoint}/permissions/${path}`;
      const told = {
        public: await can('cat', at('public')),
        theirs: await can('cat', at('theirs')),
        'of-their-group': await can('cat', at('of-their-group')),
        'unlisted/public': await can('cat', at('unlisted/public')),
        script: await can('env', at('script')),
        'list .': await can('ls', at('')),
        secret: await can('cat', at('secret')),
        'not-of-their-group': await can('cat', at('not-of-their-group')),
        'closed/public': await can('cat', at('closed/public')),
        'list unlisted': await can('ls', at('unlisted')),
        'roots-script': await can('env', at('roots-script')),
        'write public': await can('test', '-w', at('public')),
      };
      const refused = [
        'secret',
        'not-of-their-group',
        'closed/public',
        'list unlisted',
        'roots-script',
        'write public',
      ];
      expect(Object.keys(told).filter((what) => !told[what as keyof typeof told])).toEqual(refused);
      // And root reads all of it.
      expect((await run('cat', [at('closed/public'), at('secret'), at('theirs')])).stdout).toBe(
        'publicsecrettheirs',
      );
    });

    test('by access(2): root reads all, executes files with any x bit, writes nothing', async () => {
      const told = await elsewhere(({ fs, errorOf }, at) => {
        const { F_OK, R_OK, W_OK, X_OK } = fs.constants;
        const ask = (name: string, mode: number) => errorOf(() => fs.accessSync(`${at}/${name}`, mode));
        return [
          ask('secret', F_OK),
          ask('theirs', R_OK),
          ask('closed', R_OK | X_OK),
          ask('script', R_OK | X_OK),
          ask('public', X_OK),
          ask('public', W_OK),
          ask('closed', W_OK),
          ask('nothing', F_OK),
        ];
      }, scene.at('permissions'));
      expect(told).toEqual(['ok', 'ok', 'ok', 'ok', 'EACCES', 'EROFS', 'EROFS', 'ENOENT']);
    });

    test('of devices: none is opened, unless asked', async () => {
      const { status, stderr } = await attempt('cat', [scene.at('permissions/null')]);
      expect([status, stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
      const { mountpoint } = await scene.mountAgain({ devices: true });
      expect(await attempt('cat', [`${mountpoint}/permissions/null`])).toMatchObject({
        status: 0,
        stdout: '',
      });
    });
  },
};
