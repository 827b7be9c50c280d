import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { builtProgram } from '../../../setup/programs.js';
import { attempt, type ChildOptions, run } from '../../../support/child.js';
import { FaultProxy } from '../../../support/fault-proxy.js';
import { until, Workplace } from '../../../support/mounts.js';
import {
  type PushedImage,
  pushImage,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { dir, file, symlink, tarOf, whiteout } from '../../../support/tar.js';

const MAIN = builtProgram();
const BASIC = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');

const LAYERS = [
  gzipSync(tarOf(dir('etc/'), file('etc/a', 'lower'), file('etc/gone', 'x'), symlink('abs', '/etc/a'))),
  gzipSync(tarOf(dir('etc/'), file('etc/a', 'upper'), whiteout('etc/gone'))),
];
const ENTRIES = 7; // tar members of both

let open: TestRegistry;
let locked: TestRegistry;
let image: PushedImage;
let reference = '';
let place: Workplace;

beforeAll(async () => {
  open = await startRegistry();
  locked = await startRegistry({ auth: true });
  image = await pushImage(open, 'test/app:v1', { layers: LAYERS });
  await pushImage(locked, 'test/app:v1', { layers: LAYERS });
  reference = `${open.host}/test/app:v1`;
});
afterAll(async () => {
  await Promise.all([open?.stop(), locked?.stop()]);
});
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const live = () => place.listed();

/** A shell that finds the command in its PATH, as mount(8) does. */
function shell(script: string, options: ChildOptions = {}) {
  const bin = place.directory('bin');
  symlinkSync(MAIN, join(bin, 'layerslayer'));
  const env = { ...place.env, PATH: `${bin}:${process.env.PATH}`, ...options.env };
  return attempt('bash', ['-c', script], { ...options, env, cwd: place.scratch });
}

describe('mount', () => {
  it('names the file that could not be read in its log, once', async () => {
    await pushImage(open, 'test/large:v1', {
      layers: [gzipSync(tarOf(dir('srv/'), file('srv/large', noise(2_000_000, 1)), file('end', 'x')))],
    });
    const proxy = await FaultProxy.start({ target: open.url });
    try {
      const mountpoint = place.directory('mnt');
      const name = `${proxy.host}/test/large:v1`;
      const mounted = await place.layerslayer(['mount', '--cache-size', '0', name, mountpoint]);
      expect(mounted).toMatchObject({ status: 0 });
      const [{ log } = { log: '' }] = await live();
      await proxy.stop();
      const failed = await attempt('cat', [join(mountpoint, 'srv/large')]);
      expect(failed).toMatchObject({ status: 1, stderr: expect.stringContaining('Input/output error') });
      const faults = readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => / error /.test(line));
      expect(faults).toEqual([
        expect.stringMatching(/ error reading \/srv\/large at 0: .*connection refused \(ECONNREFUSED\)/),
      ]);
      await place.unmount(mountpoint);
    } finally {
      await proxy.stop();
    }
  });

  it('says what it mounted in one line, is listed, and unmounts', async () => {
    const mountpoint = place.directory('mnt');
    const mounted = await place.layerslayer(['mount', reference, mountpoint]);
    const line = new RegExp(
      `^${reference}@${image.digest} \\(linux/amd64, 2 layers, ${ENTRIES} entries\\) on ${mountpoint}, ` +
        '(\\d+ B|\\d+\\.\\d KiB) fetched in \\d+\\.\\d s\n$',
    );
    expect(mounted).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(line) });
    expect((await run('cat', [`${mountpoint}/etc/a`])).stdout).toBe('upper');
    expect((await run('ls', [`${mountpoint}/etc`])).stdout).toBe('a\n');

    const rows = await live();
    const row = rows[0]!;
    expect(rows).toEqual([
      {
        state: 'live',
        mountpoint,
        image: reference,
        digest: image.digest,
        platform: 'linux/amd64',
        pid: expect.any(Number),
        log: expect.stringContaining(`${place.env.XDG_STATE_HOME}/layerslayer/`),
        since: expect.any(String),
        bytesFetched: expect.any(Number),
        bytesServed: 5,
        cacheHits: expect.any(Number),
        cacheMisses: expect.any(Number),
        verified: true,
        verification: 'none',
      },
    ]);
    expect((await place.layerslayer(['mounts'])).stdout).toMatch(
      new RegExp(`^${mountpoint} +${reference} +linux/amd64 +${row.pid} `, 'm'),
    );
    expect(readFileSync('/proc/mounts', 'utf8')).toContain(
      `${reference} ${mountpoint} fuse.layerslayer ro,nosuid,nodev`,
    );

    expect(await place.layerslayer(['umount', mountpoint])).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(place.mounts()).toEqual([]);
    expect(existsSync(`/proc/${row.pid}/exe`)).toBe(false);
    expect(readFileSync(row.log, 'utf8')).toContain(' was unmounted\n');
  });

  it('lets a shell that reads its output go on', async () => {
    place.directory('mnt');
    const { status, stdout } = await shell(`x=$(layerslayer mount ${reference} mnt) && echo "got: $x"`);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^got: .* on .*\/mnt, /)]);
  });

  it('mounts again from what is kept', async () => {
    const mountpoint = await place.mount(reference);
    await place.unmount(mountpoint);
    const { stdout, stderr } = await place.layerslayer(['mount', '--json', '-v', reference, mountpoint]);
    for (const layer of [1, 2]) expect(stderr).toContain(`layer ${layer}/2: already indexed\n`);
    expect(JSON.parse(stdout)).toMatchObject({ mountpoint, image: reference, bytesFetched: 0, layers: 2 });
  });

  it('answers mount(8) in its form, with an empty environment', async () => {
    const mountpoint = place.directory('mnt');
    const own = `cache-dir=${place.cache},log-file=${place.scratch}/log`;
    const words = [reference, mountpoint, '-o', `rw,dev,suid,_netdev,uid=7,${own}`];
    const ended = await attempt(process.execPath, [MAIN, ...words], { env: { PATH: process.env.PATH } });
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect((await run('stat', ['-c', '%u', `${mountpoint}/etc/a`])).stdout).toBe('7\n');
    expect(existsSync(`${place.scratch}/log`)).toBe(true);
    await place.unmount(mountpoint);
  });

  it('is called by mount(8), which finds it again by the spelling of fstab', async () => {
    const mountpoint = place.directory('mnt');
    await pushImage(open, 'test/app:latest', { layers: LAYERS });
    const written = `${open.host}/test/app`; // not canonical: that has a tag
    // mount.fuse has a PATH of its own; this is how it is told where a program lies (mount.fuse3(8)).
    const ended = await shell(
      `mount -t fuse "$PWD/bin/layerslayer#${written}" ${mountpoint} -o nofail,x-a=b`,
    );
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect((await run('findmnt', ['-n', '-o', 'SOURCE', mountpoint])).stdout.trim()).toBe(written);
  });

  it('warns when --platform asks for another image than the digest names', async () => {
    const byDigest = `${open.host}/test/app@${image.digest}`;
    const platform = process.arch === 's390x' ? 'amd64' : 's390x';
    const mountpoint = place.directory('mnt');
    const mounted = await place.layerslayer(['mount', '--platform', platform, byDigest, mountpoint]);
    expect(mounted).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(
        new RegExp(
          `^warning: ${byDigest} is for linux/\\w+, and not for linux/${platform} as --platform asks\n$`,
        ),
      ),
    });
  });

  it('says which word comes first when they seem swapped', async () => {
    place.directory('mnt');
    const swapped = (...words: string[]) => place.layerslayer(['mount', ...words], { cwd: place.scratch });
    const hint = (words: string) =>
      expect.stringMatching(` \\(IMAGE comes first: did you mean ${words}\\?\\)\n$`);
    expect(await swapped('mnt', reference)).toMatchObject({ status: 20, stderr: hint(`${reference} mnt`) });
    expect(await swapped('./mnt', 'nginx')).toMatchObject({ status: 2, stderr: hint('nginx ./mnt') });
    for (const words of [
      ['nginx', 'none'],
      ['mnt', '../UPPER'],
    ])
      expect((await swapped(...words)).stderr).toMatch(/no such directory; create it first\n$/);
  });

  it('shows one layer, and links led back below the mountpoint', async () => {
    const mountpoint = await place.mount(reference, 'mnt', ['--layer', '1', '--transform-symlinks']);
    expect((await run('cat', [`${mountpoint}/abs`])).stdout).toBe('lower');
    await place.unmount(mountpoint);
    await place.mount(reference, 'mnt', ['--layer', image.manifest.layers[1]!.digest]);
    expect((await run('ls', [mountpoint])).stdout).toBe('etc\n');
    const none = await place.layerslayer(['mount', '--layer', '3', reference, place.directory('other')]);
    expect([none.status, none.stderr]).toEqual([10, expect.stringContaining('has no layer 3: want 1 to 2')]);
  });

  it('shows a secret nowhere, not in the log and not when verbose', async () => {
    const words = ['mount', `${locked.host}/test/app:v1`, place.directory('mnt')];
    words.push(
      '--username',
      REGISTRY_USER,
      '--password-stdin',
      '-v',
      '--log-file',
      join(place.scratch, 'log'),
    );
    const refused = await place.layerslayer(words, { input: 'wrong password\n' });
    expect(refused.status).toBe(11);
    const mounted = await place.layerslayer(words, { input: `${REGISTRY_PASSWORD}\n` });
    expect(mounted.status).toBe(0);
    const [row] = await live();
    const shown = [refused.stderr, mounted.stderr, mounted.stdout, readFileSync(row!.log, 'utf8')];
    for (const name of ['cmdline', 'environ']) shown.push(readFileSync(`/proc/${row!.pid}/${name}`, 'utf8'));
    for (const secret of [REGISTRY_PASSWORD, 'wrong password', BASIC]) {
      for (const text of shown) expect(text).not.toContain(secret);
    }
  });

  it('lists a killed one as dead, and mounts over what it left', async () => {
    const mountpoint = await place.mount(reference);
    const [row] = await live();
    process.kill(row!.pid, 'SIGKILL');
    await until(
      () => place.processes().length === 0,
      10_000,
      () => 'the daemon still runs',
    );
    expect((await place.layerslayer(['mounts'])).stdout).toMatch(
      new RegExp(`^${mountpoint} .* dead: unmount it`, 'm'),
    );
    expect(await live()).toEqual([{ mountpoint, image: reference, state: 'dead' }]);
    expect((await place.layerslayer(['mount', reference, mountpoint])).status).toBe(0);
    expect(await live()).toHaveLength(1);
    expect(place.mounts()).toEqual([mountpoint]);
  });

  it('ends in the foreground when it is unmounted from outside', async () => {
    const mountpoint = place.directory('mnt');
    const served = place.layerslayer(['mount', '-f', reference, mountpoint]);
    await until(
      () => place.mounts().length === 1,
      60_000,
      () => 'not mounted',
    );
    await place.unmount(mountpoint);
    expect(await served).toMatchObject({ status: 0, stdout: expect.stringContaining(` on ${mountpoint}, `) });
  });
});
