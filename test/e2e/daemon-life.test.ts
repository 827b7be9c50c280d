import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/child.js';
import { FaultProxy, stallAfter } from '../support/fault-proxy.js';
import { until, useDirectory, Workplace } from '../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/** How a mount's daemon begins and ends, with real signals and the system's own unmount commands. */
let place: Workplace;
let registry: TestRegistry;
let proxy: FaultProxy;
let image: PushedImage;
let reference: string;

/** "ends within 2 s after its mount is unmounted by whatever means", and room for a machine that is busy. */
const END_DEADLINE_MS = 10_000;

beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'library/app:latest', {
    layers: [
      gzipSync(tarOf(dir('etc/'), file('etc/name', 'one\n'))),
      gzipSync(tarOf(file('etc/name', 'two\n'))),
    ],
  });
});
afterAll(() => registry?.stop());

beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
  reference = `${proxy.host}/library/app:latest`;
});
afterEach(async () => {
  await place.cleanUp();
  await proxy.stop();
});

const gone = async () => {
  await until(
    () => place.mounts().length === 0,
    END_DEADLINE_MS,
    () => `still mounted: ${place.mounts()}`,
  );
  await place.allEnded(END_DEADLINE_MS);
};

describe('a daemon', () => {
  it.each([
    ['layerslayer unmount', (mnt: string) => place.layerslayer(['unmount', mnt])],
    ['layerslayer umount', (mnt: string) => place.layerslayer(['umount', mnt])],
    ['umount', (mnt: string) => run('umount', [mnt])],
    ['a lazy umount', (mnt: string) => run('umount', ['-l', mnt])],
    ['fusermount3 -u', (mnt: string) => run('fusermount3', ['-u', mnt])],
    ['SIGTERM', async () => process.kill(place.processes()[0]!, 'SIGTERM')],
    ['SIGINT', async () => process.kill(place.processes()[0]!, 'SIGINT')],
  ])('ends after %s', async (_, end) => {
    const mnt = await place.mount(reference);
    expect(place.processes()).toHaveLength(1);
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('two\n');
    await end(mnt);
    await gone();
    expect(await place.leftovers()).toEqual([]);
  });

  it('outlives SIGHUP', async () => {
    const mnt = await place.mount(reference);
    process.kill(place.processes()[0]!, 'SIGHUP');
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('two\n');
    expect(place.processes()).toHaveLength(1);
  });

  it('has a session of its own, cwd / and none of the caller’s descriptors', async () => {
    await place.mount(reference);
    const pid = place.processes()[0]!;
    expect((await run('readlink', [`/proc/${pid}/cwd`])).stdout).toBe('/\n');
    expect((await run('ps', ['-o', 'sid=', '-p', String(pid)])).stdout.trim()).toBe(String(pid));
    const { stdout } = await run('find', [`/proc/${pid}/fd`, '-lname', 'pipe:*', '-printf', '%f\n']);
    expect(stdout.split('\n').filter((fd) => fd === '0' || fd === '1' || fd === '2')).toEqual([]);
  });

  it('is ended by a lazy unmount on SIGTERM when its mount is busy', async () => {
    const mnt = await place.mount(reference);
    const daemon = place.processes()[0]!;
    const user = await useDirectory(`${mnt}/etc`);
    process.kill(daemon, 'SIGTERM');
    await until(
      () => place.mounts().length === 0,
      END_DEADLINE_MS,
      () => 'still mounted',
    );
    await until(
      () => !place.processes().includes(daemon),
      END_DEADLINE_MS,
      () => 'the daemon still runs',
    );
    await user.leave();
  });

  it('is one a mount, each told by mounts', async () => {
    await place.mount(reference, 'one');
    await place.mount(reference, 'two', ['--layer', '1']);
    expect(place.processes()).toHaveLength(2);
    expect((await run('cat', [`${place.scratch}/two/etc/name`])).stdout).toBe('one\n');
    expect(await place.listed()).toHaveLength(2);
  });
});

describe('a mount in the foreground', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('serves until %s', async (signal) => {
    const mnt = place.directory('mnt');
    let pid = 0;
    const started = (its: number) => {
      pid = its;
    };
    let said = '';
    const heard = (text: string) => {
      said += text;
    };
    const ended = place.layerslayer(['mount', '--foreground', reference, mnt], { started, heard });
    // Not only until it is mounted: that is a moment before it is said.
    await until(
      () => said.includes('\n'),
      20_000,
      () => 'nothing said',
    );
    expect(place.mounts()).toHaveLength(1);
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('two\n');
    process.kill(pid, signal);
    const { status, stdout } = await ended;
    expect([0, 130, 143]).toContain(status);
    expect(stdout).toContain(` on ${mnt}, `);
    await gone();
  });
});

describe('a mount interrupted before it is ready', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('by %s leaves nothing', async (signal) => {
    const layer = new RegExp(image.manifest.layers[1]!.digest);
    proxy.rules.push({ method: 'GET', path: layer, fault: stallAfter(20) });
    let pid = 0;
    const started = (its: number) => {
      pid = its;
    };
    const ended = place.layerslayer(['mount', reference, place.directory('mnt')], { started });
    await until(
      () => proxy.requests(layer).length > 0,
      20_000,
      () => 'no layer was asked for',
    );
    process.kill(pid, signal);
    const { status, stdout } = await ended;
    expect([status, stdout]).toEqual([signal === 'SIGKILL' ? null : 130, '']);
    await gone();
    expect(await place.leftovers()).toEqual([]);
    // and nothing stands in the way of the next
    proxy.rules.length = 0;
    const mnt = await place.mount(reference);
    expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('two\n');
  });
});
