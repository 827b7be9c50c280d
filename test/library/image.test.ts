import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Image, type OpenImageOptions, openImage } from '#src/library/layerslayer.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { LATIN1, pushLibraryImage } from './image.js';

const cache = mkdtempSync(join(tmpdir(), 'layerslayer-library-'));
let registry: TestRegistry;
let reference: string;
beforeAll(async () => {
  registry = await startRegistry();
  reference = await pushLibraryImage(registry);
});
afterAll(async () => {
  await registry?.stop();
  rmSync(cache, { recursive: true });
});

const opened: Image[] = [];
afterEach(async () => {
  for (const image of opened.splice(0)) await image.close();
});
async function open(options: OpenImageOptions = {}): Promise<Image> {
  const image = await openImage(reference, { cacheDirectory: cache, ...options });
  opened.push(image);
  return image;
}
const failing = (code: string, message = /./) =>
  expect.objectContaining({ name: 'LayerslayerError', code, message: expect.stringMatching(message) });

describe('an image', () => {
  it('says what it is', async () => {
    const image = await open();
    expect(image).toMatchObject({
      reference,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      platform: expect.stringMatching(/^linux\//),
      config: { container: { env: expect.any(Array) } },
    });
    expect(image.layers.map(({ number, createdBy }) => [number, createdBy])).toEqual([
      [1, image.steps[0]!.createdBy],
      [2, image.steps[1]!.createdBy],
    ]);
  });

  it('lists, stats and reads what containers see', async () => {
    const image = await open();
    const entries = await image.readdir('/');
    expect(entries.map(({ name }) => name)).toEqual(['d', 'null', 'etc', 'conf', 'large', 'same']);
    const stats = await image.stat('conf');
    expect(stats).toMatchObject({ mode: 0o100644, size: 4, nlink: 1, layer: 2 });
    expect([stats.isFile(), stats.isSymbolicLink()]).toEqual([true, false]);
    expect((await image.lstat('/conf')).isSymbolicLink()).toBe(true);
    expect(await image.readlink('/conf')).toBe('etc/conf');
    expect(await image.realpath('/conf')).toBe('/etc/conf');
    expect(await image.readFile('/conf')).toEqual(Buffer.from('new!'));
    expect(await image.readFile('/conf', 'utf8')).toBe('new!');
    expect(await image.readFile('/large', { start: 12, end: 16, encoding: 'latin1' })).toBe('layer');
    expect(JSON.parse(JSON.stringify(stats))).toMatchObject({ mode: 0o100644, size: 4 });
    const device = await image.stat('/null');
    expect([device.isCharacterDevice(), device.deviceMajor, device.deviceMinor]).toEqual([true, 1, 3]);
  });

  it('takes names that are not UTF-8, as bytes and as it names them', async () => {
    const image = await open();
    const [entry] = await image.readdir('d');
    expect(entry!.nameBytes).toEqual(Buffer.from([0xe9]));
    const named = join(entry!.parentPath, entry!.name);
    for (const path of [LATIN1, new Uint8Array(LATIN1), named])
      expect(await image.readFile(path, 'utf8')).toBe('latin1');
  });

  it('walks', async () => {
    const image = await open();
    const paths: string[] = [];
    for await (const { parentPath, name } of image.opendir('/', { recursive: true }))
      paths.push(join(parentPath, name));
    expect(paths).toEqual(['/d', '/d/\udce9', '/null', '/etc', '/etc/conf', '/conf', '/large', '/same']);
    const below: string[] = [];
    for await (const { name } of image.opendir('etc')) below.push(name);
    expect(below).toEqual(['conf']);
  });

  it('has versions of a path', async () => {
    const image = await open();
    const versions = await image.versions('/conf');
    expect(versions.map(({ layer, change }) => [layer, change])).toEqual([[2, 'added']]);
    const older = await image.versions('/etc/conf');
    expect(await Promise.all(older.map((version) => version.readFile('utf8')))).toEqual(['old', 'new!']);
    expect(older[0]!.stats).toMatchObject({ mode: 0o104755, mtimeMs: 1500, mtimeNs: 1_500_000_000n });
    const [added, removed] = await image.versions('gone');
    expect(await text(added!.createReadStream())).toBe('x');
    expect([removed!.change, removed!.stats]).toEqual(['removed', undefined]);
    await expect(removed!.readFile()).rejects.toEqual(failing('NOT_FOUND', /layer 2 removed gone/));
  });

  it('has layers with their members as archived', async () => {
    const image = await open();
    const entries = [];
    for await (const entry of image.layers[0]!.entries()) entries.push(entry);
    expect(entries.map(({ path }) => path)).toEqual(['etc/', 'etc/conf', 'gone', 'd/\udce9', 'null']);
    expect(await entries[1]!.readFile('utf8')).toBe('old');
    expect(entries[1]!.xattrs).toEqual(new Map([['user.a', Buffer.from('b')]]));
    await expect(entries[0]!.readFile()).rejects.toEqual(failing('INVALID_ARGUMENT', /not a regular file/));
    const upper = [];
    for await (const entry of image.layers[1]!.entries()) upper.push(entry);
    const link = upper.find(({ path }) => path === 'same')!;
    expect([link.isHardLink(), link.isFile(), link.linkTarget]).toEqual([true, false, 'large']);
    expect(upper.map(({ path }) => path)).toContain('.wh.gone');
    expect(await image.layers[0]!.isVerified()).toBe(true);
  });
});
