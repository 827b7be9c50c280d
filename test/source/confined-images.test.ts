/** Layouts and archives in a directory that their links must not lead out of. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { defaultPlatform } from '#src/oci/platform.js';
import { type Confinement, LocatedSource } from '#src/source/located-source.js';
import { blobName, LayoutBuilder, named, writeArchive, writeDirectory } from '../support/local-images.js';
import { file, tarOf } from '../support/tar.js';

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'layerslayer-confined-')));
afterAll(() => rmSync(scratch, { recursive: true }));

const inside = join(scratch, 'in');
const outside = join(scratch, 'out');
const layer = tarOf(file('a', 'content'));
let files: Record<string, Uint8Array | string>;
let blobs: { manifest: string; config: string; layer: string };

beforeEach(() => {
  for (const directory of [inside, outside]) rmSync(directory, { recursive: true, force: true });
  for (const directory of [inside, outside]) mkdirSync(directory);
  const builder = new LayoutBuilder();
  const manifest = builder.image([layer]);
  files = builder.top([named(manifest, 't')]);
  const parsed = JSON.parse(String(files[blobName(manifest.digest)])) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  blobs = {
    manifest: blobName(manifest.digest),
    config: blobName(parsed.config.digest),
    layer: blobName(parsed.layers[0]!.digest),
  };
  writeDirectory(join(inside, 'layout'), files);
});

/** Reads all of the image. */
async function read(confinement?: Confinement, reference = `oci:${inside}/layout:t`): Promise<string> {
  const source = new LocatedSource({ close: async () => {} } as never, confinement);
  try {
    const image = await source.resolve(reference, defaultPlatform());
    const blob = source.open(image, image.manifest.layers[0]!);
    return Buffer.from(await blob.read(0, layer.length)).equals(layer) ? 'read' : 'other bytes';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  } finally {
    await source.close();
  }
}

const confined = (...except: string[]): Confinement => ({ within: [inside], except });

/** Moves a file and leaves a symlink. */
function move(name: string, to: string): void {
  const path = join(inside, 'layout', name);
  renameSync(path, to);
  symlinkSync(to, path);
}

describe('a symlink that leads out', () => {
  it.each(['index.json', 'manifest', 'config', 'layer'] as const)('of %s is refused', async (part) => {
    expect(await read(confined())).toBe('read');
    move(part === 'index.json' ? part : blobs[part], join(outside, 'moved'));
    expect(await read(confined())).toMatch(/^IO_FAILED .*leads out of the allowed directories/);
    expect(await read(confined(join(inside, 'layout')))).toBe('read');
    expect(await read()).toBe('read');
  });

  it('of a directory is refused', async () => {
    move('blobs', join(outside, 'moved'));
    expect(await read(confined())).toMatch(/^IO_FAILED .*leads out/);
  });

  it('of an archive is refused', async () => {
    writeArchive(join(outside, 'archive.tar'), files);
    symlinkSync(join(outside, 'archive.tar'), join(inside, 'archive.tar'));
    const reference = `oci-archive:${inside}/archive.tar:t`;
    expect(await read(undefined, reference)).toBe('read');
    expect(await read(confined(), reference)).toMatch(/^IO_FAILED .*leads out/);
  });
});

it('a symlink that stays inside is followed', async () => {
  move(blobs.layer, join(inside, 'moved'));
  expect(await read(confined())).toBe('read');
});
