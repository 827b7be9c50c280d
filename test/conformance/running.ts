import { readFileSync, realpathSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attempt, run } from '../support/child.js';
import { dir, file, symlink } from '../support/tar.js';
import type { Subject } from './scene.js';

/** A program of this machine, which loads libraries. */
const ECHO = '/bin/echo';

export const running: Subject = {
  name: 'running',
  members: () => [
    dir('running/'),
    file('running/echo', readFileSync(realpathSync(ECHO)), { mode: 0o755 }),
    file('running/script', '#!/bin/sh\necho "script $1"\n', { mode: 0o755 }),
    file('running/not-executable', '#!/bin/sh\n', { mode: 0o644 }),
    symlink('running/link', 'echo'),
  ],
  tests(scene) {
    // By env, whose own process looks for the program: this one serves the mount.
    const execute = (name: string, ...args: string[]) =>
      attempt('env', [scene.at(`running/${name}`), ...args]);

    test.each(['echo', 'link'])('a program by `%s`', async (name) => {
      expect(await execute(name, 'it', 'runs')).toMatchObject({ status: 0, stdout: 'it runs\n' });
    });

    test('a script', async () => {
      expect(await execute('script', 'runs')).toMatchObject({ status: 0, stdout: 'script runs\n' });
    });

    test('only what has an x bit, and is there', async () => {
      expect(await execute('not-executable')).toMatchObject({
        status: 126,
        stderr: expect.stringMatching(/Permission denied/),
      });
      expect(await execute('nothing')).toMatchObject({
        status: 127,
        stderr: expect.stringMatching(/No such file/),
      });
    });

    test('a program that is run is mapped from the mount, and can be run by many', async () => {
      const all = Array.from({ length: 16 }, (_, i) => execute('echo', String(i)));
      expect((await Promise.all(all)).map(({ stdout }) => stdout)).toEqual(all.map((_, i) => `${i}\n`));
    });

    test('in a directory of the mount', async () => {
      const { stdout } = await run('sh', ['-c', 'cd "$1" && ./echo here && pwd', 'sh', scene.at('running')]);
      expect(stdout).toBe(`here\n${scene.at('running')}\n`);
    });
  },
};
