import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DaemonClient } from '#src/daemon/daemon-client.js';
import { listOurMounts, ourMountAt } from '#src/daemon/our-mounts.js';
import { startDaemon } from '#src/daemon/start-daemon.js';
import { listLiveMounts } from '#src/daemon/status/live-mounts.js';
import { unmountOurs } from '#src/daemon/unmount.js';
import { compiled } from '../../setup/programs.js';

const TINY = compiled('test/daemon/tiny-daemon.mjs');
const NOBODY = { resolved() {}, progress() {}, notice() {}, log() {} };

/** What the contract allows a daemon after its mount is gone, with room for a loaded machine. */
const END = { timeout: 10_000, interval: 20 };

const UNMOUNT = `
  import { listLiveMounts } from '${compiled('src/daemon/status/live-mounts.ts')}';
  import { unmountOurs } from '${compiled('src/daemon/unmount.ts')}';
  const found = (await listLiveMounts(0)).find(({ mount }) => mount.mountpoint === process.argv[1]);
  const code = await unmountOurs(found.mount, { lazy: false }).then(() => 'gone', (error) => error.code);
  console.log(found.state, code);
`;

const HIDE_SOCKETS = 'mount -t tmpfs none /run && exec "$0" "$@"';

let directory = '';
let mountpoint = '';
let child: ChildProcess;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'layerslayer-live-')));
  mountpoint = join(directory, 'mnt');
  mkdirSync(mountpoint);
});

afterEach(async () => {
  child?.kill('SIGKILL');
  while ((await ourMountAt(mountpoint)) !== undefined) spawnSync('umount', ['-l', mountpoint]);
  rmSync(directory, { recursive: true, force: true });
});

async function mountTiny(): Promise<void> {
  child = startDaemon(TINY);
  const daemon = new DaemonClient(child);
  await daemon.mount(
    {
      reference: 'tiny',
      platform: { os: 'linux', architecture: 'amd64' },
      registry: { insecure: false },
      cache: { directory, capBytes: 0 },
      memoryBytes: 0,
      indexTrust: 'exact',
      verifyLater: false,
      mountpoint,
      transport: 'dev-fuse',
      allowOther: false,
      suid: false,
      devices: false,
      exec: true,
      nonempty: false,
      defaultPermissions: false,
      transformSymlinks: false,
      logFile: join(directory, 'log'),
      logFileAsked: true,
      logLevel: 'info',
      foreground: false,
      resolvedByStarter: false,
      mountpointCheckedMs: 0,
    },
    NOBODY,
  );
  await daemon.release();
}

const here = async () => (await listLiveMounts(0)).filter(({ mount }) => mount.mountpoint === mountpoint);

describe('a live mount', () => {
  it('is listed with what its daemon says, to root and to its owner', async () => {
    await mountTiny();
    expect(await readFile(join(mountpoint, 'hello'), 'utf8')).toBe('hello, world\n');
    const [found] = await here();
    expect(found).toMatchObject({
      state: 'live',
      mount: { mountpoint, source: 'tiny', owner: process.getuid?.() },
      status: { mountpoint, image: 'tiny', pid: child.pid, bytesServed: 13 },
    });
    const nobody = 65534;
    expect((await listLiveMounts(nobody)).map(({ mount }) => mount.mountpoint)).not.toContain(mountpoint);
  });

  it('unmounted by us is gone with its daemon', async () => {
    await mountTiny();
    await unmountOurs((await ourMountAt(mountpoint))!, { lazy: false });
    expect(await ourMountAt(mountpoint)).toBeUndefined();
    // Already true: the kernel closed the daemon's socket when it had ended; only its parent has yet to be told.
    await vi.waitFor(() => expect(child.exitCode).toBe(0), END);
  });

  it.each([[['umount']], [['umount', '-l']], [['umount', '-f']], [['fusermount3', '-u']]])(
    'unmounted by %j ends its daemon',
    async ([tool, ...flags]) => {
      await mountTiny();
      expect(spawnSync(tool!, [...flags, mountpoint]).status).toBe(0);
      await vi.waitFor(() => expect(child.exitCode).toBe(0), END);
      expect(await ourMountAt(mountpoint)).toBeUndefined();
    },
  );

  it('that is busy names who holds it, and can be detached', async () => {
    await mountTiny();
    const holder = spawn('sleep', ['1000'], { cwd: mountpoint });
    await once(holder, 'spawn');
    const mount = (await ourMountAt(mountpoint))!;
    await expect(unmountOurs(mount, { lazy: false })).rejects.toMatchObject({
      code: 'UNMOUNT_FAILED',
      message: expect.stringMatching(
        new RegExp(`held by sleep \\(${holder.pid}, working directory\\); --lazy detaches it all the same$`),
      ),
    });
    await unmountOurs(mount, { lazy: true });
    expect(await ourMountAt(mountpoint)).toBeUndefined();
    expect(child.exitCode).toBeNull(); // its user may read on
    holder.kill();
    await vi.waitFor(() => expect(child.exitCode).toBe(0), END);
  });

  it('of somebody else is refused as such', async () => {
    await mountTiny();
    const script = `
      import { ourMountAt } from '${compiled('src/daemon/our-mounts.ts')}';
      import { unmountOurs } from '${compiled('src/daemon/unmount.ts')}';
      process.setuid(65534);
      await unmountOurs(await ourMountAt(process.argv[1]), { lazy: false }).catch(({ message }) => console.log(message));
    `;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, mountpoint], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^unmounting .*: not mounted by this user; its user or root can unmount it\n$/);
  });

  it('that another mount stands on names it', async () => {
    await mountTiny();
    expect(spawnSync('mount', ['--bind', '/etc/hostname', join(mountpoint, 'hello')]).status).toBe(0);
    const mount = (await ourMountAt(mountpoint))!;
    await expect(unmountOurs(mount, { lazy: false })).rejects.toMatchObject({
      message: expect.stringContaining(`held by a mount on ${join(mountpoint, 'hello')}; --lazy`),
    });
    spawnSync('umount', [join(mountpoint, 'hello')]);
    await unmountOurs(mount, { lazy: false });
  });

  it('that is busy is detached on SIGTERM, and its daemon ends all the same', async () => {
    await mountTiny();
    const holder = spawn('sleep', ['1000'], { cwd: mountpoint });
    await once(holder, 'spawn');
    child.kill('SIGTERM');
    await vi.waitFor(() => expect(child.exitCode ?? child.signalCode).not.toBeNull(), END);
    expect(await ourMountAt(mountpoint)).toBeUndefined();
    holder.kill();
    await once(holder, 'exit');
  });

  it('whose daemon was killed is listed as dead, and can be unmounted, whoever holds it', async () => {
    await mountTiny();
    const holder = spawn('sleep', ['1000'], { cwd: mountpoint });
    await once(holder, 'spawn');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await here()).map(({ state }) => state)).toEqual(['dead']);
    await unmountOurs((await ourMountAt(mountpoint))!, { lazy: false });
    expect(await here()).toEqual([]);
    holder.kill();
    await once(holder, 'exit');
  });

  it('whose daemon is stopped is listed as not answering, without a wait', async () => {
    await mountTiny();
    child.kill('SIGSTOP');
    expect((await here()).map(({ state }) => state)).toEqual(['no-answer']);
    await unmountOurs((await ourMountAt(mountpoint))!, { lazy: true });
    expect(await here()).toEqual([]);
    child.kill('SIGCONT');
    await vi.waitFor(() => expect(child.exitCode).toBe(0), END);
  });

  it.each([
    ['network', ['--net'], 'live UNMOUNT_FAILED'],
    // Another container: it sees the mount, but not the daemon's socket or process.
    ['mount', ['--mount', 'sh', '-c', HIDE_SOCKETS], 'no-answer gone'],
  ])(
    'that lives in another %s namespace is not taken for dead, nor from under its users',
    async (_what, words, outcome) => {
      await mountTiny();
      const holder = spawn('sleep', ['1000'], { cwd: mountpoint });
      await once(holder, 'spawn');
      const elsewhere = spawnSync(
        'unshare',
        [...words, process.execPath, '--input-type=module', '-e', UNMOUNT, mountpoint],
        { encoding: 'utf8' },
      );
      expect(elsewhere).toMatchObject({ stdout: `${outcome}\n` });
      expect(await readFile(join(mountpoint, 'hello'), 'utf8')).toBe('hello, world\n');
      holder.kill();
      await once(holder, 'exit');
    },
  );

  it('is not ours when something else lies over it', async () => {
    await mountTiny();
    expect(spawnSync('mount', ['-t', 'tmpfs', 'none', mountpoint]).status).toBe(0);
    expect(await ourMountAt(mountpoint)).toBeUndefined();
    expect((await listOurMounts()).map((mount) => mount.mountpoint)).toContain(mountpoint);
    expect(spawnSync('umount', [mountpoint]).status).toBe(0);
    expect(await ourMountAt(mountpoint)).toBeDefined();
  });

  it('leaves its daemon a log of the mount', async () => {
    await mountTiny();
    expect(readFileSync(join(directory, 'log'), 'utf8')).toMatch(/ info mounted tiny@sha256:/);
  });
});
