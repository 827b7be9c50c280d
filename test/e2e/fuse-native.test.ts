import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '#src/cli/process/exit-status.js';
import { run } from '../support/child.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { until, useDirectory, Workplace } from '../support/mounts.js';
import {
  attemptAs,
  KOFFI,
  NOBODY,
  openDevice,
  ordinaryWorkplace,
  ownDirectory,
} from '../support/ordinary-user.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/** `mount --transport fuse-native`, from the command line to the end of its daemon. */
const DEADLINE_MS = 10_000;
const BY_FUSE_NATIVE = ['--transport', 'fuse-native'];

/** fuse-native and all that it needs to run. */
const PACKAGES = [
  'fuse-native',
  'fuse-shared-library',
  'fuse-shared-library-linux',
  'nanoresource',
  'inherits',
  'node-gyp-build',
];

const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * i) % 251));
let registry: TestRegistry;
let proxy: FaultProxy;
let reference: string;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start({ target: registry.url });
  await pushImage(registry, 'library/app:latest', {
    layers: [gzipSync(tarOf(dir('etc/'), file('etc/name', 'one\n'), file('large', large)))],
  });
  await pushImage(registry, 'library/raw:latest', {
    layers: [gzipSync(tarOf(file('good', 'one\n'), file(Buffer.from([0x63, 0xff]), 'hidden\n')))],
  });
  reference = `${proxy.host}/library/app:latest`;
});
afterAll(async () => {
  await proxy?.stop();
  await registry?.stop();
});

const loaded = (place: Workplace) => readFileSync(`/proc/${place.processes()[0]}/maps`, 'utf8');
const lineOf = (mnt: string) =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[1] === mnt);
const gone = async (place: Workplace) => {
  await until(
    () => place.mounts().length === 0,
    DEADLINE_MS,
    () => `still mounted: ${place.mounts()}`,
  );
  await place.allEnded(DEADLINE_MS);
  expect(await place.leftovers()).toEqual([]);
};

describe.runIf(process.arch === 'x64')('root', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.cleanUp());

  it('mounts, looks and reads', async () => {
    const mnt = await place.mount(reference, 'mnt', BY_FUSE_NATIVE);
    expect(lineOf(mnt)).toMatch(
      new RegExp(`^${reference} \\S+ fuse\\.layerslayer ro,nosuid,nodev,\\S*max_read=131072 `),
    );
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('one\n');
    const digest = createHash('sha256').update(large).digest('hex');
    expect((await run('sha256sum', [`${mnt}/large`])).stdout).toBe(`${digest}  ${mnt}/large\n`);
    expect(loaded(place)).toMatch(/libfuse\.so\.2/);
    const [status] = await place.listed();
    expect(status!.bytesServed).toBeGreaterThanOrEqual(large.length);
    expect(readFileSync(status!.log, 'utf8')).toMatch(/mounted .* \(fuse-native, device/);
    await place.unmount(mnt);
    await gone(place);
  });

  it('asks for it in the form of mount(8) too, and loads none of it otherwise', async () => {
    await place.mount(reference, 'one', ['-o', 'transport=fuse-native']);
    expect(loaded(place)).toContain('libfuse');
    await place.unmount(`${place.scratch}/one`);
    await place.allEnded();
    await place.mount(reference, 'two');
    expect(loaded(place)).not.toMatch(/libfuse|fuse-native/);
  });

  it.each([
    ['layerslayer unmount', (mnt: string): Promise<unknown> => place.layerslayer(['unmount', mnt])],
    ['umount', (mnt: string) => run('umount', [mnt])],
    ['a lazy umount', (mnt: string) => run('umount', ['-l', mnt])],
    ['fusermount3 -u', (mnt: string) => run('fusermount3', ['-u', mnt])],
    ['SIGTERM', async () => process.kill(place.processes()[0]!, 'SIGTERM')],
  ])('ends after %s', async (_, end) => {
    const mnt = await place.mount(reference, 'mnt', BY_FUSE_NATIVE);
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('one\n');
    await end(mnt);
    await gone(place);
  });

  it('ends by a lazy unmount on SIGTERM when its mount is busy', async () => {
    const mnt = await place.mount(reference, 'mnt', BY_FUSE_NATIVE);
    const daemon = place.processes()[0]!;
    const user = await useDirectory(`${mnt}/etc`);
    process.kill(daemon, 'SIGTERM');
    await until(
      () => place.mounts().length === 0 && !place.processes().includes(daemon),
      DEADLINE_MS,
      () => 'the daemon still runs',
    );
    await user.leave();
  });

  it('mounts again where a killed daemon left a dead mount, and unmounts one', async () => {
    const kill = async () => {
      process.kill(place.processes()[0]!, 'SIGKILL');
      await place.allEnded(DEADLINE_MS);
    };
    const mnt = await place.mount(reference, 'mnt', BY_FUSE_NATIVE);
    await kill();
    expect(lineOf(mnt)).toBeDefined();
    await place.mount(reference, 'mnt', BY_FUSE_NATIVE);
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('one\n');
    await kill();
    await place.unmount(mnt);
    await gone(place);
  });

  it('is told which names it can’t show', async () => {
    const mnt = place.directory('mnt');
    const raw = `${registry.host}/library/raw:latest`;
    const ended = await place.layerslayer(['mount', ...BY_FUSE_NATIVE, raw, mnt]);
    expect([ended.status, ended.stderr]).toEqual([
      0,
      expect.stringMatching(/names that are not UTF-8: 1, not shown .*; --transport dev-fuse shows all/),
    ]);
    expect((await run('ls', [mnt])).stdout).toBe('good\n');
  });

  it('is told of a transport that there is not', async () => {
    const ended = await place.layerslayer(['mount', '--transport', 'nfs', reference, place.directory('mnt')]);
    expect([ended.status, ended.stderr]).toEqual([
      EXIT_STATUS.INVALID_ARGUMENT,
      'layerslayer: --transport is dev-fuse, fuse-native, not nfs\n',
    ]);
  });
});

describe('where it can’t be loaded', () => {
  let place: Workplace;
  let closeDevice: () => void;
  beforeEach(() => {
    closeDevice = openDevice();
  });
  afterEach(async () => {
    closeDevice();
    await place.cleanUp();
  });

  const refused = async () => {
    const requests = proxy.requests(/./).length;
    const mnt = await ownDirectory(place, 'mnt');
    const ended = await place.layerslayer(['mount', ...BY_FUSE_NATIVE, reference, mnt]);
    expect(ended.status).toBe(EXIT_STATUS.MOUNT_FAILED);
    expect(proxy.requests(/./).length).toBe(requests); // nothing was fetched for it
    expect(await place.leftovers()).toEqual([]);
    return ended.stderr;
  };

  it('the package: what to install is told', async () => {
    place = await ordinaryWorkplace([]);
    expect(await refused()).toMatch(/npm package is not installed.*; install libfuse 2 \(Debian: libfuse2;/);
  });

  it.each([
    [
      'libfuse.so.2: cannot open shared object file: No such file or directory',
      /libfuse\.so\.2: cannot open .*; install libfuse 2 \(Debian: libfuse2;/,
    ],
    [
      'No native build was found for platform=linux arch=arm64 runtime=node\n    loaded from: /x',
      /No native build was found for platform=linux arch=arm64 runtime=node; build it \(`npm rebuild/,
    ],
  ])('%s', async (thrown, told) => {
    place = await ordinaryWorkplace([]);
    const fake = join(place.scratch, 'program/node_modules/fuse-native');
    mkdirSync(fake, { recursive: true });
    writeFileSync(join(fake, 'package.json'), '{ "name": "fuse-native", "main": "index.js" }');
    writeFileSync(join(fake, 'index.js'), `throw new Error(${JSON.stringify(thrown)});`);
    expect(await refused()).toMatch(told);
  });
});

describe.runIf(process.arch === 'x64')('an ordinary user', () => {
  let place: Workplace;
  let closeDevice: () => void;
  beforeEach(() => {
    closeDevice = openDevice();
  });
  afterEach(async () => {
    closeDevice();
    await place.cleanUp();
  });

  it('mounts, reads and unmounts, without koffi', async () => {
    place = await ordinaryWorkplace(PACKAGES);
    await ownDirectory(place, 'mnt');
    const mnt = await place.mount(reference, 'mnt', [...BY_FUSE_NATIVE, '-o', 'setuid']);
    expect(lineOf(mnt)).toMatch(
      new RegExp(`fuse\\.layerslayer ro,nosuid,nodev,\\S*user_id=${NOBODY},group_id=${NOBODY},`),
    );
    expect((await attemptAs(NOBODY, 'cat', `${mnt}/etc/name`)).stdout).toBe('one\n');
    expect((await attemptAs(NOBODY, 'touch', `${mnt}/new`)).stderr).toContain('Read-only file system');
    await place.unmount(mnt);
    await gone(place);
  });

  it.each([
    [[...PACKAGES, ...KOFFI], /user has no write access to mountpoint/],
    [PACKAGES, /by fuse-native: fuse failed; --transport dev-fuse may do it/], // without koffi it can't be asked
  ])('is told why fusermount3 refused, which libfuse says to nobody', async (packages, told) => {
    place = await ordinaryWorkplace(packages);
    const mnt = place.directory('mnt');
    chmodSync(mnt, 0o755); // root's
    const ended = await place.layerslayer(['mount', ...BY_FUSE_NATIVE, reference, mnt]);
    expect(ended.status).toBe(EXIT_STATUS.MOUNT_FAILED);
    expect(ended.stderr).toMatch(told);
    expect(await place.leftovers()).toEqual([]);
  });
});
