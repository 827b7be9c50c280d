import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultPlatform } from '#src/oci/platform.js';
import { until } from '../support/mounts.js';
import {
  OCI_CONFIG,
  type PushedImage,
  pushImage,
  pushManifest,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import {
  contentOf,
  expectFiles,
  indexPath,
  Sessions,
  sentFor,
  sha256,
  someFiles,
  tarOfFiles,
} from './sessions.js';

const files = [someFiles(1, 8_000_000), someFiles(2, 500_000)];
const blobs = files.map((some) => gzipSync(tarOfFiles(some), { level: 1 }));
const digests = blobs.map(sha256);

const sessions = new Sessions();
let registry: TestRegistry;
let image: PushedImage;

beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'app:latest', { layers: blobs });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

/** Paths of all files of a kind. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

/** Files below a directory that this process has open. */
function openFiles(directory: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // that of the listing itself
      }
    })
    .filter((path) => path.startsWith(`${directory}/`));
}

/** A cache in which the image was opened once. */
async function filledCache(): Promise<string> {
  const { open, session, cacheDirectory } = sessions.start();
  await open(`${registry.host}/app:latest`);
  await session.close();
  return cacheDirectory;
}

describe('a kept index', () => {
  const flipAt = (place: (bytes: Buffer) => number) => (path: string) => {
    const bytes = readFileSync(path);
    bytes[place(bytes)]! ^= 0x20;
    writeFileSync(path, bytes);
  };
  it.each<[string, (path: string, other: string) => void]>([
    ['of another version', flipAt(() => 8)],
    ['that is damaged in its header', flipAt(() => 100)],
    ['that has very many sections', flipAt(() => 15)],
    ['that is cut short', (path) => writeFileSync(path, readFileSync(path).subarray(0, 300))],
    ['that is empty', (path) => writeFileSync(path, '')],
    ['of another layer', (path, other) => writeFileSync(path, readFileSync(other))],
  ])('%s is made anew', async (_, damage) => {
    const cacheDirectory = await filledCache();
    damage(indexPath(cacheDirectory, digests[0]!), indexPath(cacheDirectory, digests[1]!));
    const proxy = await sessions.proxy(registry.url);
    const { open, logged, progress } = sessions.start({ cacheDirectory });
    const layers = await open(`${proxy.host}/app:latest`);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    expect(layers.map(({ digest }) => digest)).toEqual(digests);
    const done = progress.filter(({ state }) => state === 'done').map(({ layer, cached }) => [layer, cached]);
    expect(done.toSorted()).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(logged).toEqual([
      expect.stringMatching(`^warn: the cached index of ${digests[0]!.slice(0, 19)}.* is made again`),
    ]);
    // Its pages are whole: they need not come again.
    expect(proxy.blobBytes).toBe(0);
  });

  it('with damaged states is read past them, and made anew the next time', async () => {
    const cacheDirectory = await filledCache();
    const path = indexPath(cacheDirectory, digests[0]!);
    const bytes = readFileSync(path);
    // The states are the end of the file: what comes before is whole.
    bytes.fill(0, indexStates(bytes));
    writeFileSync(path, bytes);
    const { open, logged, session } = sessions.start({ cacheDirectory });
    const layers = await open(`${registry.host}/app:latest`);
    await contentOf(layers[0]!, 'd/last'); // resumes far into the layer
    await expectFiles(layers[0], files[0]!);
    await session.close();
    expect(new Set(logged)).toEqual(new Set([expect.stringContaining('is damaged, checkpoint')]));
    expect(existsSync(path)).toBe(false);
    const again = sessions.start({ cacheDirectory });
    const [layer] = await again.open(`${registry.host}/app:latest`);
    await expectFiles(layer, files[0]!);
    expect(again.logged).toEqual([]);
  });

  it('is loaded while the registry is still being asked', async () => {
    const reference = `${registry.host}/app:latest`;
    const { session, open, cacheDirectory } = sessions.start();
    session.preload(reference, defaultPlatform()); // nothing is known yet
    await open(reference);
    await session.close();

    const again = sessions.start({ cacheDirectory });
    again.session.preload(reference, defaultPlatform());
    const image = await again.session.resolve(reference, defaultPlatform());
    // Loaded already: it would be made anew otherwise.
    await until(
      () => openFiles(cacheDirectory).length === digests.length,
      5_000,
      () => `open: ${openFiles(cacheDirectory)}`,
    );
    for (const digest of digests) writeFileSync(indexPath(cacheDirectory, digest), 'damaged');
    const layers = await again.session.openLayers(image);
    expect(layers.map(({ digest }) => digest)).toEqual(digests);
    expect(again.logged).toEqual([]);
    expect(again.progress.every(({ cached }) => cached)).toBe(true);
  });

  it('that was loaded for nothing is let go of', async () => {
    const other = await pushImage(registry, 'moving:latest', { layers: [blobs[1]!] });
    const reference = `${registry.host}/moving:latest`;
    const { session, open, cacheDirectory } = sessions.start();
    session.preload(reference, defaultPlatform());
    await open(reference);
    await session.close();
    await pushImage(registry, 'moving:latest', { layers: [blobs[0]!] });

    const again = sessions.start({ cacheDirectory });
    again.session.preload(reference, defaultPlatform());
    const layers = await again.open(reference);
    expect(layers.map(({ digest }) => digest)).toEqual([digests[0]]);
    expect(other.digest).not.toBe(digests[0]);
    await expectFiles(layers[0], files[0]!);
    await again.session.close();
    expect(openFiles(cacheDirectory)).toEqual([]);
  });

  it('does not make a lying descriptor true', async () => {
    const cacheDirectory = await filledCache();
    const [config, layer] = [image.manifest.config, image.manifest.layers[0]!];
    const lie = { ...layer, size: layer.size - 1 };
    const manifest = { schemaVersion: 2, mediaType: image.mediaType, config, layers: [lie] };
    await pushManifest(registry, 'app', 'lie', manifest, image.mediaType);
    expect(config.mediaType).toBe(OCI_CONFIG);
    const { open } = sessions.start({ cacheDirectory });
    await expect(open(`${registry.host}/app:lie`)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

/** Until it is gone: whoever keeps a page just now makes a directory anew that was emptied, and rmSync does not look again. */
function removeWhileUsed(directory: string): void {
  while (existsSync(directory)) {
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}

describe('kept pages', () => {
  it('that were damaged are fetched again: never wrong bytes', async () => {
    const cacheDirectory = await filledCache();
    const pages = filesBelow(join(cacheDirectory, 'v2', 'pages'));
    expect(pages.length).toBeGreaterThan(1);
    for (const path of pages) {
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
    }
    const proxy = await sessions.proxy(registry.url);
    const { open, logged } = sessions.start({ cacheDirectory });
    const layers = await open(`${proxy.host}/app:latest`);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    for (const digest of digests) expect(sentFor(proxy, digest)).toBeGreaterThan(0);
    expect(
      logged.every((line) =>
        /^warn: cache: page \d+ of sha256:\S+ is damaged, fetching it again$/.test(line),
      ),
    ).toBe(true);
    expect(logged.length).toBeGreaterThan(0);
  });

  it('that vanish with the whole directory are fetched again', async () => {
    const { open, logged, cacheDirectory } = sessions.start();
    const layers = await open(`${registry.host}/app:latest`);
    await expectFiles(layers[1], files[1]!);
    removeWhileUsed(cacheDirectory);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    removeWhileUsed(cacheDirectory);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    expect(logged).toEqual([]);
  });

  it('that were cut short are fetched again', async () => {
    const cacheDirectory = await filledCache();
    for (const path of filesBelow(join(cacheDirectory, 'v2', 'pages'))) {
      writeFileSync(path, readFileSync(path).subarray(0, 100_000));
    }
    const { open } = sessions.start({ cacheDirectory });
    const layers = await open(`${registry.host}/app:latest`);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
  });
});

describe('a cache', () => {
  it('of no bytes keeps nothing, and everything is right', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, cacheDirectory, logged } = sessions.start({ capBytes: 0 });
    const layers = await open(`${proxy.host}/app:latest`);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    expect(readdirSync(cacheDirectory)).toEqual([]);
    expect(logged).toEqual([]);
  });

  it.each([20_000, 1_000_000])('of %d bytes, smaller than the layer, keeps to that', async (capBytes) => {
    const { open, cacheDirectory, session } = sessions.start({ capBytes });
    const layers = await open(`${registry.host}/app:latest`);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    await session.close();
    const used = filesBelow(cacheDirectory).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(used).toBeLessThanOrEqual(capBytes);
  });

  it('that is shared by sessions has each layer fetched once', async () => {
    const proxy = await sessions.proxy(registry.url);
    const cacheDirectory = sessions.scratch();
    const started = [1, 2, 3].map(() => sessions.start({ cacheDirectory }));
    const opened = await Promise.all(started.map(({ open }) => open(`${proxy.host}/app:latest`)));
    for (const [i, digest] of digests.entries()) expect(sentFor(proxy, digest)).toBe(blobs[i]!.length);
    const states = started.flatMap(({ progress }) => progress.filter(({ state }) => state === 'done'));
    expect(states.filter(({ cached }) => !cached)).toHaveLength(2);
    for (const layers of opened)
      for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
  });

  it.each<[string, (directory: string) => void]>([
    [
      'that is a file',
      (directory) => {
        rmSync(directory, { recursive: true });
        writeFileSync(directory, '');
      },
    ],
    ['of another user', (directory) => chownSync(directory, 12_345, 12_345)],
  ])('%s is not used, with one warning a thread', async (_, spoil) => {
    const cacheDirectory = sessions.scratch();
    spoil(cacheDirectory);
    const { open, logged } = sessions.start({ cacheDirectory });
    const layers = await open(`${registry.host}/app:latest`);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    expect(new Set(logged).size).toBe(1);
    expect(logged[0]).toMatch(/^warn: the cache is not used/);
  });

  it('of another user is not looked into for pages either', async () => {
    const cacheDirectory = await filledCache();
    // Its pages are right, but another user's may be a fifo, and reading that would wait for ever.
    chownSync(cacheDirectory, 12_345, 12_345);
    chmodSync(cacheDirectory, 0o777);
    const proxy = await sessions.proxy(registry.url);
    const { open } = sessions.start({ cacheDirectory });
    const layers = await open(`${proxy.host}/app:latest`);
    const sent = sentFor(proxy, digests[0]!);
    await expectFiles(layers[0], files[0]!);
    expect(sentFor(proxy, digests[0]!)).toBeGreaterThan(sent);
  });
});

/** Where the states of an index file begin. (src/index/FORMAT.md) */
function indexStates(bytes: Buffer): number {
  const STATES = 8;
  for (let row = 128; row < 128 + 32 * bytes.readUInt32LE(12); row += 32) {
    if (bytes.readUInt16LE(row) === STATES) return Number(bytes.readBigUInt64LE(row + 8));
  }
  throw new Error('the index has no states');
}
