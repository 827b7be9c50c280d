import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Image, type MountOptions, openImage, unmount } from '#src/library/layerslayer.js';
import { attempt, run } from '../support/child.js';
import { FaultProxy, noAnswer } from '../support/fault-proxy.js';
import { mountpoints, until, useDirectory } from '../support/mounts.js';
import { writeLayout } from '../support/oci-layout.js';
import { OCI_LAYER_GZIP, sha256, startRegistry, type TestRegistry } from '../support/registry.js';
import { LAYERS, pushLibraryImage } from './image.js';

const scratch = mkdtempSync(join(tmpdir(), 'layerslayer-library-'));
const cacheDirectory = join(scratch, 'cache');
let registry: TestRegistry;
let proxy: FaultProxy;
const opened: Image[] = [];
beforeAll(async () => {
  process.env.XDG_STATE_HOME = join(scratch, 'state');
  registry = await startRegistry();
  await pushLibraryImage(registry);
  proxy = await FaultProxy.start({ target: registry.url });
});
afterEach(async () => {
  proxy.rules.length = 0;
  for (const image of opened.splice(0)) await image.close();
  for (const path of ours()) await attempt('umount', ['-l', path]);
});
afterAll(async () => {
  await proxy?.stop();
  await registry?.stop();
  rmSync(scratch, { recursive: true });
});

const ours = () => mountpoints(/./).filter((path) => path.startsWith(scratch));
const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const contentOf = async (path: string) => (await run('cat', [path])).stdout;

async function open(reference = `${registry.host}/app:one`, cache = cacheDirectory): Promise<Image> {
  const image = await openImage(reference, { cacheDirectory: cache });
  opened.push(image);
  return image;
}

let directories = 0;
function directory(): string {
  const path = join(scratch, `mnt-${++directories}`);
  mkdirSync(path);
  return path;
}

describe('a mount', () => {
  it('outlives its image, and is unmounted', async () => {
    const image = await open();
    const mnt = directory();
    const mount = await image.mount(mnt);
    expect(mount).toMatchObject({ mountpoint: mnt, isVerified: true, pid: expect.any(Number) });
    expect(mount.log).toMatch(/^.*\/state\/layerslayer\/.*mnt-\d+-[0-9a-f]{8}\.log$/);
    expect(await contentOf(`${mnt}/conf`)).toBe('new!');
    await image.close();
    expect(await contentOf(`${mnt}/etc/conf`)).toBe('new!');
    await mount.unmount();
    expect(ours()).toEqual([]);
    await until(
      () => !isRunning(mount.pid),
      1_000,
      () => 'the daemon still runs',
    ); // until it is reaped
    await mount.unmount(); // does nothing
  });

  it('is of one layer, with an owner of its own', async () => {
    const image = await open();
    const options: MountOptions = { layer: 1, uid: 12, gid: 13, logFile: join(scratch, 'own.log') };
    const mount = await image.mount(directory(), options);
    expect(mount.log).toBe(options.logFile);
    expect(await contentOf(`${mount.mountpoint}/etc/conf`)).toBe('old');
    expect((await run('stat', ['-c', '%u %g', `${mount.mountpoint}/etc`])).stdout).toBe('12 13\n');
    await unmount(mount.mountpoint);
    expect(ours()).toEqual([]);
    await expect(unmount(mount.mountpoint)).rejects.toMatchObject({ code: 'UNMOUNT_FAILED' });
  });

  it('is not unmounted while it is busy, except lazily', async () => {
    const mount = await (await open()).mount(directory());
    const user = await useDirectory(mount.mountpoint);
    await expect(mount.unmount()).rejects.toMatchObject({
      code: 'UNMOUNT_FAILED',
      message: expect.stringMatching(/held by sleep .*; the option lazy detaches/),
    });
    await mount.unmount({ lazy: true });
    expect(ours()).toEqual([]);
    await user.leave();
    await until(
      () => !isRunning(mount.pid),
      5_000,
      () => 'the daemon still runs',
    );
  });

  it('is what `await using` unmounts, and no later mount at its place', async () => {
    const image = await open();
    const mnt = directory();
    const first = await image.mount(mnt);
    await first[Symbol.asyncDispose]();
    const second = await image.mount(mnt);
    await first.unmount();
    expect(ours()).toEqual([mnt]);
    await second.unmount();
  });

  it('shows the image that was opened, on this machine too', async () => {
    const layout = join(scratch, 'layout');
    const layers = LAYERS.map((blob, i) => {
      const path = join(scratch, `layer-${i}`);
      writeFileSync(path, blob);
      return { path, diffId: sha256(gunzipSync(blob)), mediaType: OCI_LAYER_GZIP };
    });
    await writeLayout(layout, 'latest', layers);
    const image = await open(`oci:${layout}`);
    const mount = await image.mount(directory());
    expect(await contentOf(`${mount.mountpoint}/conf`)).toBe('new!');
    await mount.unmount();
  });
});

describe('mounting fails', () => {
  it.each<[string, string, MountOptions, string, RegExp]>([
    ['no directory', '/no/such', {}, 'MOUNT_FAILED', /no such directory/],
    ['no path', '', {}, 'INVALID_ARGUMENT', /mountpoint/],
    ['an unknown transport', scratch, { transport: 'tcp' as never }, 'INVALID_ARGUMENT', /transport: tcp/],
    ['no id', scratch, { uid: -1 }, 'INVALID_ARGUMENT', /uid is -1/],
    ['not empty', scratch, {}, 'MOUNT_FAILED', /not empty/],
    ['no layer', '', { layer: 3 }, 'NOT_FOUND', /has no layer 3/],
    ['a cache below it', join(scratch, 'over'), { nonempty: true }, 'INVALID_ARGUMENT', /cache .* below/],
  ])('%s', async (what, mountpoint, options, code, message) => {
    const over = join(scratch, 'over');
    const image = await open(undefined, join(over, `cache-${what}`));
    const where = what === 'no layer' ? directory() : mountpoint;
    await expect(image.mount(where, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(ours()).toEqual([]);
  });

  it.each(['its signal', 'close'])('by %s, and leaves nothing', async (how) => {
    const image = await open(`${proxy.host}/app:one`, join(scratch, `never-${how}`));
    proxy.rules.push({ path: /blobs/, fault: noAnswer() });
    const stop = new AbortController();
    const mounted = image.mount(directory(), { signal: stop.signal }).catch((error: unknown) => error);
    await until(
      () => proxy.requests(/blobs/).length > 0,
      20_000,
      () => 'no layer was asked for',
    );
    if (how === 'close') await image.close();
    else stop.abort();
    expect(await mounted).toMatchObject({ code: 'ABORTED' });
    expect(ours()).toEqual([]);
    const children = (await run('ps', ['-o', 'args=', '--ppid', String(process.pid)])).stdout;
    expect(children).not.toContain('daemon-main');
  });
});

it('a cache file where the cache would be is no obstacle', async () => {
  const file = join(scratch, 'file');
  writeFileSync(file, '');
  const mount = await (await open(undefined, file)).mount(directory());
  expect(await contentOf(`${mount.mountpoint}/conf`)).toBe('new!');
  await mount.unmount();
});
