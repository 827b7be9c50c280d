import { createHash } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '#src/cli/process/exit-status.js';
import { attempt, run } from '../support/child.js';
import { builtCommand, until, Workplace } from '../support/mounts.js';
import {
  asUser,
  attemptAs,
  NOBODY,
  openDevice,
  ordinaryWorkplace,
  ownDirectory,
  SOMEBODY_ELSE,
  setAllowOther,
} from '../support/ordinary-user.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/** From mounting to unmounting as a user who is not root. What it sees of files is the same as root does: see tree-compare. */
let place: Workplace;
let registry: TestRegistry;
let reference: string;
let closeDevice: () => void;

const DEADLINE_MS = 10_000;
const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * i) % 251));

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'library/app:latest', {
    layers: [
      gzipSync(
        tarOf(
          dir('etc/'),
          file('etc/name', 'one\n'),
          file('etc/secret', 'hidden\n', { mode: 0o600 }),
          file('large', large),
        ),
      ),
      gzipSync(tarOf(file('etc/name', 'two\n'))),
    ],
  });
  reference = `${registry.host}/library/app:latest`;
});
afterAll(() => registry?.stop());

beforeEach(async () => {
  closeDevice = openDevice();
  place = await ordinaryWorkplace();
});
afterEach(async () => {
  closeDevice();
  await place.cleanUp();
});

const mount = async (name = 'mnt', ...args: string[]) => {
  const mnt = await ownDirectory(place, name);
  return { mnt, ended: await place.layerslayer(['mount', ...args, reference, mnt]) };
};
const mounted = async (name?: string, ...args: string[]) => {
  const { mnt, ended } = await mount(name, ...args);
  expect([ended.status, ended.stderr]).toEqual([0, '']);
  return mnt;
};
/** Runs a script in a copy of the mount table. Unmounting there does not affect the machine. */
const inOwnMounts = (script: string, words: readonly string[], env: NodeJS.ProcessEnv = place.env) =>
  attempt('unshare', ['-m', 'sh', '-c', script, 'sh', ...words], { env });
/** The same, without layerslayer's other mounts, which `unmount --all` would end. */
const withoutOthersMounts = (script: string, words: readonly string[], env: NodeJS.ProcessEnv) => {
  const clear = `awk '$3 == "fuse.layerslayer" { print $2 }' /proc/mounts | xargs -r umount -l`;
  return inOwnMounts(`${clear}; ${script}`, words, env);
};
const asNobody = (command: string, ...args: string[]) => attemptAs(NOBODY, command, ...args);
const lineOf = (mnt: string) =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[1] === mnt);
const gone = async () => {
  await until(
    () => place.mounts().length === 0,
    DEADLINE_MS,
    () => `still mounted: ${place.mounts()}`,
  );
  await place.allEnded(DEADLINE_MS);
};

describe('an ordinary user', () => {
  it('mounts, looks, reads and unmounts', async () => {
    const mnt = await mounted();
    expect(lineOf(mnt)).toMatch(
      new RegExp(
        `^${reference} \\S+ fuse\\.layerslayer ro,nosuid,nodev,\\S*user_id=${NOBODY},group_id=${NOBODY},max_read=1048576 `,
      ),
    );
    expect(lineOf(mnt)).not.toContain('allow_other');
    expect((await asNobody('ls', '-lR', mnt)).stdout).toMatch(/-rw------- 1 root +root +7 .* secret\n/);
    expect((await asNobody('cat', `${mnt}/etc/name`, `${mnt}/etc/secret`)).stdout).toBe('two\nhidden\n');
    expect((await asNobody('sha256sum', `${mnt}/large`)).stdout).toBe(
      `${createHash('sha256').update(large).digest('hex')}  ${mnt}/large\n`,
    );
    expect((await asNobody('touch', `${mnt}/new`)).stderr).toContain('Read-only file system');
    expect((await attemptAs(SOMEBODY_ELSE, 'ls', mnt)).stderr).toContain('Permission denied');
    // The user and root both find its daemon, neither with the other's environment.
    for (const program of [place.program, builtCommand()]) {
      const [command = '', ...words] = program;
      const { stdout } = await attempt(command, [...words, 'mounts', '--json'], {
        env: { PATH: process.env.PATH },
      });
      const found = (JSON.parse(stdout) as { mountpoint: string }[]).filter(
        ({ mountpoint }) => mountpoint === mnt,
      );
      expect(found).toEqual([expect.objectContaining({ state: 'live', pid: place.processes()[0] })]);
    }
    expect(await place.layerslayer(['unmount', mnt])).toMatchObject({ status: 0, stderr: '' });
    expect(place.processes()).toEqual([]);
    expect(place.mounts()).toEqual([]);
    expect(await place.leftovers()).toEqual([]);
  });

  it('is shown the owner that -o asks for', async () => {
    const mnt = await mounted('mnt', '-o', 'uid=12,gid=34');
    expect((await asNobody('stat', '-c', '%u %g', `${mnt}/etc/name`)).stdout).toBe('12 34\n');
  });

  it('is held to the image’s modes when -o default_permissions asks for it', async () => {
    const mnt = await mounted('mnt', '-o', 'default_permissions');
    expect((await asNobody('cat', `${mnt}/etc/name`)).stdout).toBe('two\n');
    expect((await asNobody('cat', `${mnt}/etc/secret`)).stderr).toContain('Permission denied');
  });

  it('never gets setuid programs and devices, and is told so', async () => {
    const { mnt, ended } = await mount('mnt', '-o', 'setuid,devices');
    expect(ended.status).toBe(0);
    expect(ended.stderr).toMatch(/-o setuid .*\n.*-o devices /);
    expect(lineOf(mnt)).toContain('ro,nosuid,nodev');
  });

  it.each([
    ['SIGTERM', async (): Promise<unknown> => process.kill(place.processes()[0]!, 'SIGTERM')],
    ['fusermount3 -u', (mnt: string) => asNobody('fusermount3', '-u', mnt)],
    ['root’s umount', (mnt: string) => run('umount', [mnt])],
  ])('unmounts by %s', async (_, end) => {
    await end(await mounted());
    await gone();
  });

  it('unmounts all mounts of the user with unmount --all', async () => {
    await ownDirectory(place, 'mnt');
    const mnt = join(place.scratch, 'mnt');
    const { stdout, stderr } = await withoutOthersMounts(
      'set -e; "$@" mount "$IMAGE" "$MNT" >/dev/null; grep -c " $MNT " /proc/mounts; "$@" unmount --all; ! grep " $MNT " /proc/mounts',
      place.program,
      { ...place.env, IMAGE: reference, MNT: mnt },
    );
    expect({ stdout, stderr }).toEqual({ stdout: `1\n${mnt}: unmounted\n`, stderr: '' });
    await gone();
  });

  it('has a table with a head and no rows when nothing is mounted', async () => {
    const script = '"$@" mounts; "$@" mounts --json; "$@" unmount --all; "$@" unmount --all --json';
    const { stdout, stderr } = await withoutOthersMounts(script, place.program, place.env);
    expect(stdout).toMatch(/^MOUNTPOINT +IMAGE +PLATFORM .*\n\[\]\n\[\]\n$/);
    expect(stderr).toBe('');
  });

  it.each([
    ['--quiet', () => ''],
    ['--json', (mnt: string) => `${JSON.stringify([{ mountpoint: mnt, image: reference }], null, 2)}\n`],
  ])('is told by unmount --all %s what was unmounted, if at all', async (option, told) => {
    await ownDirectory(place, 'mnt');
    const mnt = join(place.scratch, 'mnt');
    const script = '"$@" mount "$IMAGE" "$MNT" >/dev/null; "$@" unmount --all "$OPTION"';
    const env = { ...place.env, IMAGE: reference, MNT: mnt, OPTION: option };
    const { stdout, stderr } = await withoutOthersMounts(script, place.program, env);
    expect({ stdout, stderr }).toEqual({ stdout: told(mnt), stderr: '' });
    await gone();
  });

  it('needs koffi, which root’s daemon does not load', async () => {
    const libraries = async (owner: Workplace, mnt: string) => {
      await owner.mount(reference, mnt);
      return readFileSync(`/proc/${owner.processes()[0]}/maps`, 'utf8');
    };
    const roots = new Workplace();
    await ownDirectory(place, 'mnt');
    expect(await libraries(place, 'mnt')).toContain('koffi.node');
    try {
      expect(await libraries(roots, 'mnt')).not.toContain('koffi');
    } finally {
      await roots.cleanUp();
    }
  });

  it('unmounts a busy mount lazily only', async () => {
    const mnt = await mounted();
    const [setpriv = '', ...words] = asUser(NOBODY);
    let pid = 0;
    const started = (its: number) => {
      pid = its;
    };
    const holder = attempt(setpriv, [...words, 'sh', '-c', 'cd "$1" && exec sleep 60', 'sh', mnt], {
      started,
    });
    await until(
      () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n',
      DEADLINE_MS,
      () => 'nobody works in the mount',
    );
    const refused = await place.layerslayer(['unmount', mnt]);
    expect(refused.stderr).toMatch(
      new RegExp(`busy, held by sleep \\(${pid}, working directory\\); --lazy detaches`),
    );
    expect(refused.status).toBe(EXIT_STATUS.UNMOUNT_FAILED);
    expect((await place.layerslayer(['unmount', '--lazy', mnt])).status).toBe(0);
    expect(place.mounts()).toEqual([]);
    process.kill(pid, 'SIGKILL');
    await holder;
    await gone();
  });

  it('mounts again where its killed daemon left a dead mount, and unmounts one', async () => {
    const mnt = await mounted();
    const kill = async () => {
      process.kill(place.processes()[0]!, 'SIGKILL');
      await place.allEnded(DEADLINE_MS);
    };
    await kill();
    expect((await asNobody('ls', mnt)).stderr).toMatch(/not connected|connection abort/);
    await place.mount(reference);
    expect((await asNobody('cat', `${mnt}/etc/name`)).stdout).toBe('two\n');
    await kill();
    expect((await place.layerslayer(['unmount', mnt])).status).toBe(0);
    expect(place.mounts()).toEqual([]);
  });

  it('can’t unmount what is another user’s', async () => {
    const mnt = await mounted();
    const program = place.program.slice(asUser(NOBODY).length);
    const other = await attemptAs(SOMEBODY_ELSE, program[0]!, ...program.slice(1), 'unmount', mnt);
    expect(other.stderr).toContain('not mounted by this user');
    expect(other.status).not.toBe(0);
    expect(place.mounts()).toEqual([mnt]);
    const all = await inOwnMounts('"$@" unmount --all && cat /proc/mounts', [
      ...asUser(SOMEBODY_ELSE),
      ...program,
    ]);
    expect(all.status).toBe(0);
    expect(all.stdout).toContain(` ${mnt} fuse.layerslayer `);
  });
});

describe('--allow-other', () => {
  let restore: () => void = () => {};
  afterEach(() => restore());

  it('is refused by name without user_allow_other', async () => {
    restore = setAllowOther(false);
    const { ended } = await mount('mnt', '--allow-other');
    expect(ended.status).toBe(EXIT_STATUS.MOUNT_FAILED);
    expect(ended.stderr).toMatch(/--allow-other: \/etc\/fuse\.conf has no line user_allow_other/);
    expect(await place.leftovers()).toEqual([]);
  });

  it('lets others in, under the image’s modes', async () => {
    restore = setAllowOther(true);
    const mnt = await mounted('mnt', '--allow-other');
    expect(lineOf(mnt)).toMatch(/default_permissions,allow_other/);
    expect((await attemptAs(SOMEBODY_ELSE, 'cat', `${mnt}/etc/name`)).stdout).toBe('two\n');
    expect((await attemptAs(SOMEBODY_ELSE, 'cat', `${mnt}/etc/secret`)).stderr).toContain(
      'Permission denied',
    );
  });
});

describe('what keeps an ordinary user from mounting is told, and nothing is left', () => {
  const failed = async (message: RegExp, env: NodeJS.ProcessEnv = {}) => {
    const mnt = place.directory('mnt');
    const ended = await place.layerslayer(['mount', reference, mnt], { env });
    expect(ended.stderr).toMatch(message);
    expect(ended.status).toBe(EXIT_STATUS.MOUNT_FAILED);
    expect(await place.leftovers()).toEqual([]);
  };

  it('/dev/fuse is closed to users', async () => {
    await ownDirectory(place, 'mnt');
    chmodSync('/dev/fuse', 0o600);
    await failed(/opening \/dev\/fuse: permission denied; have it opened to ordinary users .*or run as root/);
  });

  it('there is no fusermount3', async () => {
    await ownDirectory(place, 'mnt');
    await failed(/fusermount3 is not on PATH.*install the package fuse3/, { PATH: place.scratch });
  });

  it('the system does not know the user', async () => {
    const nameless = 54_321;
    const mnt = place.directory('mnt');
    await run('chown', ['-R', String(nameless), place.scratch]);
    const [program = '', ...words] = place.program.slice(asUser(NOBODY).length);
    const [setpriv = '', ...rights] = asUser(nameless);
    const ended = await attempt(setpriv, [...rights, program, ...words, 'mount', reference, mnt], {
      env: place.env,
    });
    expect(ended.stderr).toContain(`user ${nameless} has no name in /etc/passwd`);
    expect(ended.status).toBe(EXIT_STATUS.MOUNT_FAILED);
    expect(await place.leftovers()).toEqual([]);
  });

  it('the system does not let programs rise above their user', async () => {
    const mnt = await ownDirectory(place, 'mnt');
    const [setpriv = '', ...rest] = place.program;
    const ended = await attempt(setpriv, ['--no-new-privs', ...rest, 'mount', reference, mnt], {
      env: place.env,
    });
    expect(ended.stderr).toMatch(/not permitted; fusermount3 must be setuid root, and allowed to be/);
    expect(ended.status).toBe(EXIT_STATUS.MOUNT_FAILED);
    expect(await place.leftovers()).toEqual([]);
  });

  it('the mountpoint is not the user’s', async () => {
    await failed(/mounting on .*: user has no write access to mountpoint/);
  });
});
