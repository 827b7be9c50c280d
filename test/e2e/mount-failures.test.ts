import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, run } from '../support/child.js';
import { corruptAt, FaultProxy } from '../support/fault-proxy.js';
import { until, useDirectory, Workplace } from '../support/mounts.js';
import {
  pushImage,
  pushIndex,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import { dir, file, tarOf, unterminated } from '../support/tar.js';

/** Bytes that no compressor shortens to nothing, so that cutting a blob cuts contents. */
const NOISE = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * at * 2654435761) >>> 13));

/** Offset of the time in a gzip header: another time decodes as well as the right one. (RFC 1952, 2.3) */
const GZIP_MTIME = 4;

let place: Workplace;
let open: TestRegistry;
let locked: TestRegistry;
let proxy: FaultProxy;
let closedPort: number;

const LAYER = gzipSync(tarOf(dir('etc/'), file('etc/os-release', 'ID=test\n'), file('etc/noise', NOISE)));
const OTHER = gzipSync(tarOf(file('etc/other', 'other\n')));

beforeAll(async () => {
  open = await startRegistry();
  locked = await startRegistry({ auth: true });
  proxy = await FaultProxy.start({ target: open.url });
  const whole = await pushImage(open, 'library/app:latest', { layers: [LAYER] });
  await pushImage(locked, 'library/app:latest', { layers: [LAYER] });
  const plan9 = { image: whole, platform: { os: 'plan9', architecture: 'mips' } };
  await pushIndex(open, 'library/app:plan9', [plan9]);
  const tar = unterminated(file('etc/noise', NOISE));
  const broken: Record<string, Buffer> = {
    'cut-gzip': LAYER.subarray(0, LAYER.length - 5_000),
    'cut-content': gzipSync(tar.subarray(0, tar.length - 5_000)),
    'cut-header': gzipSync(Buffer.concat([tar, tar.subarray(0, 300)])),
    'bad-crc': Buffer.concat([LAYER.subarray(0, -8), Buffer.alloc(4, 0x5a), LAYER.subarray(-4)]),
    'no-tar': gzipSync(NOISE),
    xz: Buffer.from('fd377a585a000004e6d6b446', 'hex'),
  };
  for (const [tag, bytes] of Object.entries(broken)) {
    await pushImage(open, `library/app:${tag}`, {
      layers: [OTHER, { bytes, diffId: `sha256:${'0'.repeat(64)}` }],
    });
  }
  // The registry checks what is pushed: only on the way can a blob become another.
  proxy.rules.push({
    path: new RegExp(`/blobs/${whole.manifest.layers[0]!.digest}`),
    fault: corruptAt(GZIP_MTIME),
  });
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closedPort = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
});

afterAll(async () => {
  await proxy?.stop();
  await Promise.all([open?.stop(), locked?.stop()]);
});

beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

interface Failure {
  /** `{open}`, `{locked}`, `{proxy}`, `{closed}` and `{dir}` stand for hosts and the mountpoint. */
  args: string;
  status: number;
  code: string;
  says: RegExp; // names what went wrong with what
  prepare?: (mountpoint: string) => unknown;
  input?: string;
}

const FAILURES: Record<string, Failure> = {
  'a repository that is not there': {
    args: '{open}/library/nothing:latest {dir}',
    status: 10,
    code: 'NOT_FOUND',
    says: /library\/nothing/,
  },
  'a tag that is not there': {
    args: '{open}/library/app:nothing {dir}',
    status: 10,
    code: 'NOT_FOUND',
    says: /nothing/,
  },
  'a digest that is not there': {
    args: `{open}/library/app@sha256:${'ab'.repeat(32)} {dir}`,
    status: 10,
    code: 'NOT_FOUND',
    says: /sha256:abab/,
  },
  'a platform that is not in the image index': {
    args: '{open}/library/app:plan9 {dir}',
    status: 12,
    code: 'NO_MATCHING_PLATFORM',
    says: /plan9\/mips/,
  },
  'a platform that nobody has': {
    args: '{open}/library/app:plan9 {dir} --platform linux/s390x',
    status: 12,
    code: 'NO_MATCHING_PLATFORM',
    says: /linux\/s390x/,
  },
  'a bad platform': {
    args: '{open}/library/app {dir} --platform x',
    status: 2,
    code: 'INVALID_ARGUMENT',
    says: /platform/,
  },
  'a bad reference': {
    args: '{open}/Library/App {dir}',
    status: 2,
    code: 'INVALID_REFERENCE',
    says: /Library/,
  },
  'a bad digest': {
    args: '{open}/library/app@sha256:12 {dir}',
    status: 2,
    code: 'INVALID_REFERENCE',
    says: /sha256:12/,
  },
  'no mountpoint': { args: '{open}/library/app', status: 2, code: 'INVALID_ARGUMENT', says: /MOUNTPOINT/ },
  'an unknown option': {
    args: '{open}/library/app {dir} --shiny',
    status: 2,
    code: 'INVALID_ARGUMENT',
    says: /shiny/,
  },
  'a mountpoint that is missing': {
    args: '{open}/library/app:latest {dir}/none',
    status: 20,
    code: 'MOUNT_FAILED',
    says: /none/,
  },
  'a mountpoint that is a file': {
    args: '{open}/library/app:latest {dir}/file',
    status: 20,
    code: 'MOUNT_FAILED',
    says: /file/,
    prepare: (mountpoint) => writeFileSync(join(mountpoint, 'file'), ''),
  },
  'a mountpoint that is not empty': {
    args: '{open}/library/app:latest {dir}',
    status: 20,
    code: 'MOUNT_FAILED',
    says: /mnt/,
    prepare: (mountpoint) => writeFileSync(join(mountpoint, 'file'), ''),
  },
  'no credentials': {
    args: '{locked}/library/app:latest {dir}',
    status: 11,
    code: 'UNAUTHORIZED',
    says: /library\/app/,
  },
  'wrong credentials': {
    args: '{locked}/library/app:latest {dir} --username ali --password-stdin',
    status: 11,
    code: 'UNAUTHORIZED',
    says: /library\/app/,
    input: 'close sesame',
  },
  'a registry that does not answer': {
    args: '{closed}/library/app:latest {dir}',
    status: 13,
    code: 'REGISTRY_UNAVAILABLE',
    says: /connection refused \(ECONNREFUSED\); nothing listens there/,
  },
  'a layer with other bytes': {
    args: '{proxy}/library/app:latest {dir}',
    status: 14,
    code: 'DIGEST_MISMATCH',
    says: /sha256:/,
  },
  'gzip that is cut short': {
    args: '{open}/library/app:cut-gzip {dir}',
    status: 15,
    code: 'CORRUPT_LAYER',
    says: /sha256:/,
  },
  'gzip whose checksum is wrong': {
    args: '{open}/library/app:bad-crc {dir}',
    status: 15,
    code: 'CORRUPT_LAYER',
    says: /sha256:/,
  },
  'contents that are cut short': {
    args: '{open}/library/app:cut-content {dir}',
    status: 15,
    code: 'CORRUPT_LAYER',
    says: /sha256:/,
  },
  'a header that is cut short': {
    args: '{open}/library/app:cut-header {dir}',
    status: 15,
    code: 'CORRUPT_LAYER',
    says: /sha256:/,
  },
  'a layer that is no tar': {
    args: '{open}/library/app:no-tar {dir}',
    status: 15,
    code: 'CORRUPT_LAYER',
    says: /sha256:/,
  },
  'an xz layer': { args: '{open}/library/app:xz {dir}', status: 16, code: 'UNSUPPORTED', says: /xz/ },
};

describe('mount refuses', () => {
  it.each(Object.entries(FAILURES))('%s', async (_, failure) => {
    const mountpoint = place.directory('mnt');
    await failure.prepare?.(mountpoint);
    const hosts: Record<string, string> = {
      '{open}': open.host,
      '{locked}': locked.host,
      '{proxy}': proxy.host,
      '{closed}': `127.0.0.1:${closedPort}`,
      '{dir}': mountpoint,
    };
    const args = failure.args.replace(/\{\w+\}/g, (name) => hosts[name] ?? name).split(' ');
    const options = failure.input === undefined ? {} : { input: failure.input };

    const told = await place.layerslayer(['mount', '--quiet', ...args], options);
    expect(told.stderr).toMatch(failure.says);
    expect(told.stderr.trimEnd().split('\n'), 'one line').toHaveLength(1);
    expect([told.status, told.stdout]).toEqual([failure.status, '']);
    const { stderr, status } = await place.layerslayer(['mount', '--quiet', '--json', ...args], options);
    expect([status, JSON.parse(stderr)]).toMatchObject([failure.status, { error: { code: failure.code } }]);

    expect(told.stderr).not.toContain(failure.input ?? REGISTRY_PASSWORD);
    expect(await place.leftovers()).toEqual([]);
  });

  it('a machine without /dev/fuse, before it asks the registry', async () => {
    const file = join(place.directory('bin'), 'file');
    writeFileSync(file, '');
    const hide = 'mount --bind "$0" /dev/fuse && exec "$@"';
    const ended = await attempt(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        hide,
        file,
        ...place.program,
        'mount',
        `${proxy.host}/no/device`,
        place.directory('mnt'),
      ],
      { env: place.env },
    );
    expect([ended.status, ended.stdout]).toEqual([20, '']);
    expect(ended.stderr).toMatch(/^layerslayer: \/dev\/fuse is not a device; load the kernel module .*\n$/);
    expect(proxy.requests(/no\/device/)).toEqual([]);
    expect(await place.leftovers()).toEqual([]);
  });

  it('a mountpoint that is live, and leaves it alone', async () => {
    const reference = `${open.host}/library/app:latest`;
    const mountpoint = await place.mount(reference);
    const again = await place.layerslayer(['mount', reference, mountpoint]);
    expect([again.status, again.stdout]).toEqual([20, '']);
    expect((await run('cat', [`${mountpoint}/etc/os-release`])).stdout).toBe('ID=test\n');
    expect(place.mounts()).toEqual([mountpoint]);
  });
});

describe('mount accepts', () => {
  it('the right credentials', async () => {
    const reference = `${locked.host}/library/app:latest`;
    const mountpoint = place.directory('mnt');
    const login = ['--username', REGISTRY_USER, '--password-stdin'];
    const ended = await place.layerslayer(['mount', '--quiet', reference, mountpoint, ...login], {
      input: `${REGISTRY_PASSWORD}\n`,
    });
    expect([ended.status, ended.stderr]).toEqual([0, '']);
    expect((await run('cat', [`${mountpoint}/etc/os-release`])).stdout).toBe('ID=test\n');
    for (const pid of place.processes()) {
      const seen = await run('cat', [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
      expect(seen.stdout).not.toContain(REGISTRY_PASSWORD);
    }
  });

  it.each([
    [
      'that is full',
      async (path: string) => {
        await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'layerslayer-test', path]);
        await attempt('dd', ['if=/dev/zero', `of=${path}/filler`, 'bs=4096', 'count=64']);
      },
    ],
    [
      'that can not be written',
      (path: string) => run('mount', ['-t', 'tmpfs', '-o', 'ro', 'layerslayer-test', path]),
    ],
  ])('a cache %s: works without it, and warns once', async (_, prepare) => {
    const cache = place.directory('broken-cache');
    await prepare(cache);
    const mountpoint = place.directory('mnt');
    const ended = await place.layerslayer([
      'mount',
      '--quiet',
      `${open.host}/library/app:latest`,
      mountpoint,
      '--cache-dir',
      cache,
    ]);
    expect(ended.status, ended.stderr).toBe(0);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.stderr).toContain(cache);
    const { stdout } = await run('cat', [`${mountpoint}/etc/os-release`, `${mountpoint}/etc/noise`]);
    expect(stdout).toBe(`ID=test\n${NOISE.toString('latin1')}`);
  });

  it('a cache that has room for the index only, and says so in the log', async () => {
    const cache = place.directory('small-cache');
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'layerslayer-test', cache]);
    const mountpoint = await place.mount(`${open.host}/library/app:latest`, 'mnt', ['--cache-dir', cache]);
    expect((await run('cat', [`${mountpoint}/etc/noise`])).stdout).toBe(NOISE.toString('latin1'));
    const { log } = (await place.listed()).find((mount) => mount.mountpoint === mountpoint)!;
    // Pages are written after the mount is ready, in the background.
    const warnings = () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.includes(cache));
    await until(
      () => warnings().length > 0,
      10_000,
      () => `no warning in ${log}`,
    );
    expect(warnings()).toHaveLength(1);
  });
});

describe('unmount refuses', () => {
  it('what is not mounted', async () => {
    const ended = await place.layerslayer(['unmount', place.directory('mnt')]);
    expect([ended.status, ended.stderr.trimEnd().split('\n').length]).toEqual([20, 1]);
  });

  it('what is not ours', async () => {
    const directory = place.directory('mnt');
    await run('mount', ['-t', 'tmpfs', 'layerslayer-test', directory]);
    const ended = await place.layerslayer(['unmount', directory]);
    expect(ended.status).toBe(20);
    expect(place.mounts()).toEqual([directory]);
  });

  it('what is busy, naming who uses it, unless lazy', async () => {
    const mountpoint = await place.mount(`${open.host}/library/app:latest`);
    const user = await useDirectory(join(mountpoint, 'etc'));
    const busy = await place.layerslayer(['unmount', mountpoint]);
    expect(busy.status).toBe(20);
    expect(busy.stderr).toMatch(/sleep/);
    expect(place.mounts()).toEqual([mountpoint]);
    expect((await place.layerslayer(['unmount', '--lazy', mountpoint])).status).toBe(0);
    expect(place.mounts()).toEqual([]);
    await user.leave();
  });
});
