import { execFileSync } from 'node:child_process';
import { readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '#src/oci/digest.js';
import { parsePlatform } from '#src/oci/platform.js';
import type { ImageSource } from '#src/source/image-source.js';
import { LocatedSource } from '#src/source/located-source.js';
import { noise } from '../blob/bytes.js';
import { cleanUp, IS_ROOT, onCleanUp, scratchDirectory, scratchTmpfs } from '../cache/scratch.js';
import {
  type BlobDescriptor,
  blobName,
  configOf,
  dockerArchiveFiles,
  LayoutBuilder,
  type LocalFilesByName,
  named,
  tarOfFiles,
  writeArchive,
  writeDirectory,
} from '../support/local-images.js';
import { OCI_INDEX, OCI_MANIFEST, sha256 } from '../support/registry.js';
import { file, hardlink, symlink, tarOf, unterminated } from '../support/tar.js';
import { compressZstd } from '../support/zstd.js';

afterEach(cleanUp);

const AMD64 = parsePlatform('linux/amd64');
const ARM64 = parsePlatform('linux/arm64');
const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };
const LAYERS = [tarOf(file('a', noise(300_000))), tarOf(file('b', 'b'))];
const OTHER = [tarOf(file('other', 'x'))];

/** No test here asks a registry. */
const NO_REGISTRIES = { close: async () => {} } as ImageSource;

function start() {
  const source = new LocatedSource(NO_REGISTRIES);
  onCleanUp(() => source.close());
  return source;
}

/** `oci:` and `oci-archive:` of the same files. */
const FORMS: [string, (files: LocalFilesByName) => string][] = [
  ['oci', (files) => `oci:${writeDirectory(join(scratchDirectory(), 'layout'), files)}`],
  ['oci-archive', (files) => `oci-archive:${writeArchive(join(scratchDirectory(), 'x.tar'), files)}`],
];

const dockerArchive = (files: LocalFilesByName) =>
  `docker-archive:${writeArchive(join(scratchDirectory(), 'x.tar'), files)}`;

const withCode = (code: string, message: RegExp | string = '') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** All bytes of a layer (from 1), by stream and by read. */
async function layerOf(source: LocatedSource, reference: string, number: number): Promise<Buffer> {
  const image = await source.resolve(reference, AMD64);
  const blob = source.open(image, image.manifest.layers[number - 1]!);
  const chunks: Buffer[] = [];
  await blob.stream(0, blob.size, (chunk) => void chunks.push(Buffer.from(chunk)));
  expect(Buffer.compare(Buffer.concat(chunks), await blob.read(0, blob.size))).toBe(0);
  return Buffer.concat(chunks);
}

describe.each(FORMS)('%s:', (_, write) => {
  it('gives the one image, its documents and the bytes of its layers', async () => {
    const layout = new LayoutBuilder();
    const one = layout.image(LAYERS, { config: { Cmd: ['sh'] } });
    const reference = write(layout.top([named(one, 'v1')]));
    const source = start();
    for (const text of [reference, `${reference}:v1`, `${reference}:@0`]) {
      const image = await source.resolve(text, AMD64);
      expect(image).toMatchObject({ reference: text, digest: one.digest, platform: AMD64 });
      expect(image.manifest.layers.map(({ digest }) => digest)).toEqual(LAYERS.map(sha256));
      expect(image.config.container.cmd).toEqual(['sh']);
      const { manifest, config } = await source.documents(image);
      expect([sha256(manifest), sha256(config)]).toEqual([one.digest, image.manifest.config.digest]);
      expect(await source.listImages(text)).toEqual({
        digest: one.digest,
        isIndex: false,
        images: [{ platform: AMD64, digest: one.digest, size: one.size }],
      });
    }
    for (const number of [1, 2])
      expect(Buffer.compare(await layerOf(source, reference, number), LAYERS[number - 1]!)).toBe(0);
  });

  it('gives layers to a source that did not resolve the image: a thread that took another’s place', async () => {
    const layout = new LayoutBuilder();
    const image = await start().resolve(write(layout.top([layout.image(LAYERS)])), AMD64);
    const blob = start().open(image, image.manifest.layers[1]!);
    expect(Buffer.compare(await blob.read(0, blob.size), LAYERS[1]!)).toBe(0);
    const part = await blob.local?.open();
    expect(part?.file.fd).toBeGreaterThan(2);
  });

  it('without a foreign layer, as tools copy Windows images: the message names it', async () => {
    const layout = new LayoutBuilder();
    const { digest } = layout.image(LAYERS);
    const manifest = JSON.parse(layout.files[blobName(digest)]!.toString()) as { layers: object[] };
    const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    const urls = ['http://x.example/layer?signature=secret'];
    manifest.layers[1] = { ...manifest.layers[1], mediaType, urls };
    delete layout.files[blobName(sha256(LAYERS[1]!))];
    const reference = write(layout.top([layout.blob(OCI_MANIFEST, JSON.stringify(manifest))]));
    const said = `(foreign layer, ${mediaType}: its content is at http://x.example/layer)`;
    await expect(layerOf(start(), reference, 2)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(said),
    });
  });

  describe('of several images', () => {
    const several = () => {
      const layout = new LayoutBuilder();
      const images = [layout.image(LAYERS), layout.image(OTHER), layout.image([])] as const;
      const tops = [named(images[0], 'a'), named(images[1], 'org/b:2'), images[2]];
      return { images, reference: write(layout.top(tops)) };
    };

    it('chooses by name or position', async () => {
      const { images, reference } = several();
      const source = start();
      const digestOf = async (which: string) => (await source.resolve(`${reference}:${which}`, AMD64)).digest;
      expect(await digestOf('a')).toBe(images[0].digest);
      expect(await digestOf('org/b:2')).toBe(images[1].digest);
      expect(await digestOf('@2')).toBe(images[2].digest);
    });

    it('counts one manifest with several names as one image', async () => {
      const layout = new LayoutBuilder();
      const one = layout.image(LAYERS);
      const index = layout.index([{ ...one, platform: amd64 }]);
      const source = start();
      for (const top of [one, index]) {
        const reference = write(layout.top([named(top, '1.2'), named(top, 'latest'), top]));
        for (const which of ['', ':1.2', ':latest'])
          expect((await source.resolve(reference + which, AMD64)).digest).toBe(one.digest);
      }
    });

    it('lists them when none is named, or one that is not there', async () => {
      const { reference } = several();
      const source = start();
      const list = `${reference}:a, ${reference}:org/b:2, ${reference}:@2`;
      await expect(source.resolve(reference, AMD64)).rejects.toThrow(
        withCode('INVALID_REFERENCE', `^${reference} names several images: choose one of ${list}$`),
      );
      await expect(source.listImages(reference)).rejects.toThrow(withCode('INVALID_REFERENCE'));
      for (const which of ['b', 'A', '@3', '__proto__']) {
        await expect(source.resolve(`${reference}:${which}`, AMD64)).rejects.toThrow(
          withCode('NOT_FOUND', `^no image ${reference}:${which}: only ${list}$`),
        );
      }
    });
  });

  describe('of several platforms', () => {
    const layout = () => {
      const builder = new LayoutBuilder();
      const one = { ...builder.image(LAYERS, amd64), platform: amd64 };
      const two = { ...builder.image(OTHER, arm64), platform: arm64 };
      const attestation: BlobDescriptor = {
        ...builder.image([], { os: 'unknown', architecture: 'unknown' }),
        platform: { os: 'unknown', architecture: 'unknown' },
      };
      return { builder, one, two, attestation };
    };

    it.each([false, true])('in an index (named: %s)', async (isNamed) => {
      const { builder, one, two, attestation } = layout();
      const index = builder.index([attestation, one, two]);
      const reference = write(builder.top([isNamed ? named(index, 'x') : index]));
      const source = start();
      expect((await source.resolve(reference, AMD64)).digest).toBe(one.digest);
      expect((await source.resolve(reference, ARM64)).digest).toBe(two.digest);
      const offer = await source.listImages(reference);
      expect(offer).toMatchObject({ digest: index.digest, isIndex: true });
      expect(offer.images.map(({ platform }) => platform)).toEqual([AMD64, ARM64]);
    });

    it('side by side in index.json, under one name or none', async () => {
      const { builder, one, two, attestation } = layout();
      const bare = write(builder.top([attestation, one, two]));
      const same = write(builder.top([named(one, 'x'), named(two, 'x')]));
      const source = start();
      for (const reference of [bare, same, `${same}:x`]) {
        expect((await source.resolve(reference, ARM64)).digest).toBe(two.digest);
        expect((await source.listImages(reference)).images.map(({ digest }) => digest)).toEqual([
          one.digest,
          two.digest,
        ]);
      }
    });

    it('is the one that index.json tells, which knows more than the config', async () => {
      const builder = new LayoutBuilder();
      const platform = { os: 'linux', architecture: 'arm', variant: 'v6' };
      const one = { ...builder.image(LAYERS, { os: 'linux', architecture: 'arm' }), platform };
      const wanted = parsePlatform('linux/arm/v6');
      expect((await start().resolve(write(builder.top([one])), wanted)).platform).toEqual(wanted);
    });

    it('ignores empty annotations for names and attestations', async () => {
      const { builder, one } = layout();
      const empty = { 'org.opencontainers.image.ref.name': '', 'vnd.docker.reference.type': '' };
      const reference = write(builder.top([{ ...one, annotations: empty }, one]));
      expect((await start().resolve(reference, AMD64)).digest).toBe(one.digest);
    });

    it('is not guessed at when two have the same platform, or tell none', async () => {
      const { builder, one, two } = layout();
      const plain = ({ platform: _, ...descriptor }: BlobDescriptor) => descriptor;
      const source = start();
      for (const tops of [
        [one, { ...two, platform: { os: 'linux', architecture: 'x86_64' } }],
        [plain(one), plain(two)],
      ]) {
        const failing = source.resolve(write(builder.top(tops)), AMD64);
        await expect(failing).rejects.toThrow(withCode('INVALID_REFERENCE'));
      }
    });

    it('side by side, each under the same two names', async () => {
      const { builder, one, two } = layout();
      const tops = [named(one, '1.2'), named(two, '1.2'), named(two, 'latest'), named(one, 'latest')];
      const reference = write(builder.top(tops));
      const source = start();
      for (const text of [reference, `${reference}:latest`])
        expect((await source.resolve(text, ARM64)).digest).toBe(two.digest);
      expect((await source.listImages(reference)).images).toHaveLength(2);
      const other = write(builder.top([named(one, '1.2'), named(two, 'latest')]));
      await expect(source.resolve(other, AMD64)).rejects.toThrow(withCode('INVALID_REFERENCE'));
    });

    it('without the one that is asked for: says what there is', async () => {
      const { builder, two } = layout();
      const source = start();
      const { platform: _, ...bare } = two;
      const nested = builder.index([two]);
      for (const top of [two, bare, nested]) {
        const reference = write(builder.top([top]));
        await expect(source.resolve(reference, AMD64)).rejects.toThrow(
          withCode('NO_MATCHING_PLATFORM', `^${reference} has no image for linux/amd64, only: linux/arm64$`),
        );
      }
      // As inspect spells it: v8 is what every arm64 is.
      const v8 = builder.index([{ ...two, platform: { ...ARM64, variant: 'v8' } }]);
      await expect(source.resolve(write(builder.top([v8])), AMD64)).rejects.toThrow(
        withCode('NO_MATCHING_PLATFORM', 'only: linux/arm64$'),
      );
      // Who counts has chosen.
      const chosen = await source.resolve(`${write(builder.top([two]))}:@0`, AMD64);
      expect(chosen.platform).toEqual(ARM64);
    });

    it('beside entries of unknown media types, which are not images', async () => {
      const { builder, one, two } = layout();
      const chart = { ...two, mediaType: 'application/vnd.cncf.helm.chart.v1+json', platform: amd64 };
      const source = start();
      for (const tops of [
        [chart, one],
        [builder.index([chart, one])],
        [named(chart, 'x'), named(one, 'x')],
        [chart, { ...one, mediaType: '' }],
      ]) {
        const reference = write(builder.top(tops));
        expect((await source.resolve(reference, AMD64)).digest).toBe(one.digest);
        expect((await source.listImages(reference)).images.map(({ digest }) => digest)).toEqual([one.digest]);
      }
    });

    it('beside manifests that are not images and have no platform', async () => {
      const { builder, one } = layout();
      const config = builder.blob('application/vnd.cncf.helm.config.v1+json', '{"name":"x"}');
      const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] };
      const chart = builder.blob(OCI_MANIFEST, JSON.stringify(manifest));
      const { platform: _, ...bare } = one;
      const source = start();
      for (const image of [one, bare]) {
        const reference = write(builder.top([builder.index([chart, image])]));
        expect((await source.resolve(reference, AMD64)).digest).toBe(one.digest);
        expect((await source.listImages(reference)).images.map(({ digest }) => digest)).toEqual([one.digest]);
      }
      const only = write(builder.top([builder.index([chart])]));
      await expect(source.resolve(only, AMD64)).rejects.toThrow(
        withCode('UNSUPPORTED', `^${only} has no image, only application/vnd.cncf.helm.config.v1\\+json$`),
      );
      const itself = write(builder.top([chart]));
      await expect(source.resolve(itself, AMD64)).rejects.toThrow(
        withCode('UNSUPPORTED', 'is not a container image'),
      );
    });

    it('without any image: names the types', async () => {
      const { builder, one } = layout();
      const wasm = { ...one, mediaType: 'application/wasm' };
      const chart = { ...one, mediaType: 'application/vnd.chart' };
      const types = 'application/wasm, application/vnd.chart';
      const source = start();
      for (const top of [[wasm, chart, wasm], [builder.index([wasm, chart])]]) {
        const reference = write(builder.top(top));
        await expect(source.resolve(reference, AMD64)).rejects.toThrow(
          withCode('UNSUPPORTED', `^${reference} has no image, only ${types}$`),
        );
      }
      const counted = `${write(builder.top([one, wasm]))}:@1`;
      await expect(source.resolve(counted, AMD64)).rejects.toThrow(
        withCode('UNSUPPORTED', `^${counted} has no image, only application/wasm$`),
      );
    });

    it('nested deeper than 4: UNSUPPORTED', async () => {
      const { builder, one } = layout();
      let top: BlobDescriptor = one;
      for (let level = 0; level < 5; level++) top = builder.index([top]);
      await expect(start().resolve(write(builder.top([top])), AMD64)).rejects.toThrow(
        withCode('UNSUPPORTED', /nested deeper than 4/),
      );
    });
  });

  describe('that lies', () => {
    /** A layout of one image, spoiled; the message must name the place. */
    const spoil = (change: (files: LocalFilesByName, image: BlobDescriptor) => unknown) => {
      const layout = new LayoutBuilder();
      const image = layout.image(LAYERS);
      const files = layout.top([image]);
      change(files, image);
      return write(files);
    };
    const manifestIn = (files: LocalFilesByName, { digest }: BlobDescriptor) =>
      JSON.parse(files[blobName(digest)]!.toString()) as { config: BlobDescriptor; layers: BlobDescriptor[] };
    const topOf = (files: LocalFilesByName, change: object) => {
      const index = JSON.parse(files['index.json']!.toString());
      files['index.json'] = JSON.stringify({ ...index, ...change });
    };

    const table: [string, Parameters<typeof spoil>[0], string, RegExp][] = [
      ['is none', (files) => delete files['index.json'], 'NOT_FOUND', /no OCI layout: it has no index.json$/],
      ['is no JSON', (files) => (files['index.json'] = '{'), 'UNSUPPORTED', /index.json of .* is not JSON/],
      [
        'has a manifest at its top',
        (files, image) => (files['index.json'] = files[blobName(image.digest)]!),
        'UNSUPPORTED',
        /index.json of .* want an image index/,
      ],
      [
        'is of another version',
        (files) => (files['oci-layout'] = '{"imageLayoutVersion":"2.0.0"}'),
        'UNSUPPORTED',
        /says version 2.0.0/,
      ],
      ['is empty', (files) => topOf(files, { manifests: [] }), 'NOT_FOUND', /: it has none$/],
      [
        'lacks a manifest',
        (files, { digest }) => delete files[blobName(digest)],
        'NOT_FOUND',
        /has no blobs\/sha/,
      ],
      [
        'changed a manifest',
        (files, { digest }) =>
          (files[blobName(digest)] = files[blobName(digest)]!.toString().replace('2', '1')),
        'DIGEST_MISMATCH',
        /blobs\/sha256\/.*: its content is sha256:/,
      ],
      [
        'is wrong about a manifest’s size',
        (files, image) => topOf(files, { manifests: [{ ...image, size: image.size + 1 }] }),
        'DIGEST_MISMATCH',
        /bytes, its descriptor says/,
      ],
      [
        'is wrong about a manifest’s kind',
        (files, image) => topOf(files, { manifests: [{ ...image, mediaType: OCI_INDEX }] }),
        'UNSUPPORTED',
        /its descriptor/,
      ],
      [
        'has a digest that climbs',
        (files, image) =>
          topOf(files, { manifests: [{ ...image, digest: 'sha256:../../../../etc/passwd' }] }),
        'UNSUPPORTED',
        /its digest is not sha256 or sha512/,
      ],
      [
        'lacks the config',
        (files, image) => delete files[blobName(manifestIn(files, image).config.digest)],
        'NOT_FOUND',
        /has no blobs/,
      ],
      [
        'changed the config',
        (files, image) => {
          const name = blobName(manifestIn(files, image).config.digest);
          files[name] = files[name]!.toString().replace('linux', 'linuX');
        },
        'DIGEST_MISMATCH',
        /its content is/,
      ],
      [
        'has a huge index.json',
        (files) => (files['index.json'] = Buffer.alloc(4 * 2 ** 20 + 1, ' ')),
        'UNSUPPORTED',
        /reading index.json of .* the limit is 4194304 bytes/,
      ],
      [
        'has a huge manifest',
        (files) => {
          const digest = sha256(Buffer.alloc(4 * 2 ** 20 + 1, ' '));
          files[blobName(digest)] = Buffer.alloc(4 * 2 ** 20 + 1, ' ');
          topOf(files, { manifests: [{ mediaType: OCI_MANIFEST, digest, size: 4 * 2 ** 20 + 1 }] });
        },
        'UNSUPPORTED',
        /the limit is 4194304 bytes/,
      ],
    ];
    it.each(table)('%s', async (_, change, code, message) => {
      const reference = spoil(change);
      const path = reference.slice(reference.indexOf(':') + 1);
      const failing = start().resolve(reference, AMD64);
      await expect(failing).rejects.toThrow(withCode(code, message));
      if (!/digest is not/.test(message.source)) await expect(failing).rejects.toThrow(path);
    });

    it('about a layer: found out when it is read', async () => {
      const name = blobName(sha256(LAYERS[1]!));
      const read = async (change: (files: LocalFilesByName) => unknown) => {
        const reference = spoil(change);
        return layerOf(start(), reference, 2);
      };
      await expect(read((files) => delete files[name])).rejects.toThrow(withCode('NOT_FOUND', name));
      await expect(read((files) => (files[name] = LAYERS[1]!.subarray(1)))).rejects.toThrow(
        withCode('DIGEST_MISMATCH', `${name} of .* has \\d+ bytes, its descriptor says`),
      );
    });

    it('of nothing but attestations has no image', async () => {
      const layout = new LayoutBuilder();
      const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
      const reference = write(layout.top([{ ...layout.image([]), annotations }]));
      await expect(start().resolve(reference, AMD64)).rejects.toThrow(withCode('NOT_FOUND'));
    });
  });
});

describe('oci:', () => {
  const layoutAt = (directory: string) => {
    const layout = new LayoutBuilder();
    return writeDirectory(directory, layout.top([layout.image(LAYERS)]));
  };

  it('is not there, or no directory', async () => {
    const directory = scratchDirectory();
    writeFileSync(join(directory, 'file'), 'x');
    for (const path of [join(directory, 'nowhere'), join(directory, 'file'), directory]) {
      const failing = start().resolve(`oci:${path}`, AMD64);
      await expect(failing).rejects.toThrow(withCode('NOT_FOUND', `^${path} is no OCI layout`));
    }
  });

  it('may have blobs that are symlinks, as build tools make them; what they lead to is checked', async () => {
    const path = layoutAt(join(scratchDirectory(), 'layout'));
    const blob = join(path, blobName(sha256(LAYERS[0]!)));
    renameSync(blob, join(path, 'elsewhere'));
    symlinkSync('../../elsewhere', blob);
    expect((await layerOf(start(), `oci:${path}`, 1)).length).toBe(LAYERS[0]!.length);
    rmSync(blob);
    symlinkSync('/etc/passwd', blob);
    await expect(layerOf(start(), `oci:${path}`, 1)).rejects.toThrow(withCode('DIGEST_MISMATCH'));
    for (const odd of ['/dev/zero', '/proc']) {
      rmSync(blob);
      symlinkSync(odd, blob);
      await expect(layerOf(start(), `oci:${path}`, 1)).rejects.toThrow(
        withCode('IO_FAILED', 'no regular file'),
      );
    }
    rmSync(blob);
    execFileSync('mkfifo', [blob]);
    await expect(layerOf(start(), `oci:${path}`, 1)).rejects.toThrow(
      withCode('IO_FAILED', 'no regular file'),
    );
  });

  it('may have colons in its path; the choice persists after a removal', async () => {
    const directory = scratchDirectory();
    const path = layoutAt(join(directory, 'a:b'));
    const source = start();
    const image = await source.resolve(`oci:${path}:@0`, AMD64);
    const blob = source.open(image, image.manifest.layers[0]!);
    await blob.read(0, 1);
    rmSync(path, { recursive: true });
    layoutAt(join(directory, 'a'));
    expect((await source.open(image, image.manifest.layers[0]!).read(0, 1)).length).toBe(1);
  });

  it('is found when it comes later', async () => {
    const path = join(scratchDirectory(), 'layout');
    const source = start();
    await expect(source.resolve(`oci:${path}`, AMD64)).rejects.toThrow(withCode('NOT_FOUND'));
    layoutAt(path);
    expect((await source.resolve(`oci:${path}`, AMD64)).manifest.layers).toHaveLength(2);
  });

  it('goes on when its files are removed after they were opened', async () => {
    const path = layoutAt(join(scratchDirectory(), 'layout'));
    const source = start();
    const image = await source.resolve(`oci:${path}`, AMD64);
    const blob = source.open(image, image.manifest.layers[0]!);
    await blob.local?.open();
    rmSync(path, { recursive: true });
    expect(Buffer.compare(await blob.read(0, blob.size), LAYERS[0]!)).toBe(0);
  });
});

describe('docker-archive:', () => {
  it('gives the one image, a manifest made up for it, and the bytes of its layers', async () => {
    const reference = dockerArchive(dockerArchiveFiles([{ layers: LAYERS, tags: ['busybox:x'] }]));
    const source = start();
    const digests = new Set<string>();
    for (const which of ['', ':busybox:x', ':docker.io/library/busybox:x', ':@0']) {
      const image = await source.resolve(reference + which, AMD64);
      digests.add(image.digest);
      expect(image.manifest.layers.map(({ digest }) => digest)).toEqual(LAYERS.map(sha256));
      const { manifest, config } = await source.documents(image);
      expect([digestOf(manifest), digestOf(config)]).toEqual([image.digest, image.manifest.config.digest]);
      expect(JSON.parse(Buffer.from(manifest).toString())).toMatchObject({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
      });
      expect(await source.listImages(reference + which)).toEqual({
        digest: image.digest,
        isIndex: false,
        images: [{ platform: AMD64, digest: image.digest, size: manifest.length }],
      });
    }
    expect(digests.size).toBe(1);
    for (const number of [1, 2])
      expect(Buffer.compare(await layerOf(source, reference, number), LAYERS[number - 1]!)).toBe(0);
  });

  it('follows links from layer to layer', async () => {
    const files = dockerArchiveFiles([{ layers: LAYERS }]);
    const [name, other] = LAYERS.map((layer) => `${sha256(layer).slice(7)}/layer.tar`);
    const { [name!]: one, [other!]: two, ...rest } = files;
    const members = [
      symlink(name!, '../real/1.tar'),
      hardlink(other!, 'real/2.tar'),
      file('real/1.tar', one),
      file('real/2.tar', two),
    ];
    const path = join(scratchDirectory(), 'x.tar');
    writeFileSync(path, Buffer.concat([unterminated(...members), tarOfFiles(rest)]));
    for (const number of [1, 2]) {
      const layer = await layerOf(start(), `docker-archive:${path}`, number);
      expect(Buffer.compare(layer, LAYERS[number - 1]!)).toBe(0);
    }
  });

  it('takes the style of docker 25: blobs by digest, layers plain or gzip', async () => {
    const layers = [gzipSync(LAYERS[0]!), LAYERS[1]!];
    const config = JSON.stringify(configOf(LAYERS));
    const files: LocalFilesByName = { [blobName(sha256(config))]: config };
    for (const layer of layers) files[blobName(sha256(layer))] = layer;
    const names = layers.map((layer) => blobName(sha256(layer)));
    files['manifest.json'] = JSON.stringify([
      { Config: blobName(sha256(config)), RepoTags: [], Layers: names },
    ]);
    const reference = dockerArchive(files);
    const image = await start().resolve(reference, AMD64);
    expect(image.manifest.layers).toEqual([
      { mediaType: expect.stringMatching(/tar\+gzip$/), digest: sha256(layers[0]!), size: layers[0]!.length },
      { mediaType: expect.stringMatching(/\.tar$/), digest: sha256(layers[1]!), size: layers[1]!.length },
    ]);
    expect(Buffer.compare(await layerOf(start(), reference, 1), layers[0]!)).toBe(0);
  });

  it('believes a name that is a digest until the layer is read', async () => {
    const config = JSON.stringify(configOf([LAYERS[0]!]));
    const named = blobName(sha256('something else'));
    const layer = gzipSync(LAYERS[0]!);
    const manifest = [{ Config: 'config.json', Layers: [named] }];
    const files = { 'config.json': config, [named]: layer, 'manifest.json': JSON.stringify(manifest) };
    const image = await start().resolve(dockerArchive(files), AMD64);
    expect(image.manifest.layers[0]).toMatchObject({ digest: sha256('something else'), size: layer.length });
  });

  it('digests a gzip layer whose name is no digest', async () => {
    const files = dockerArchiveFiles([{ layers: [LAYERS[0]!] }]);
    const layer = gzipSync(LAYERS[0]!);
    files[`${sha256(LAYERS[0]!).slice(7)}/layer.tar`] = layer;
    const image = await start().resolve(dockerArchive(files), AMD64);
    expect(image.manifest.layers[0]).toMatchObject({ digest: sha256(layer), size: layer.length });
  });

  describe('of several images', () => {
    const reference = () =>
      dockerArchive(
        dockerArchiveFiles([
          { layers: LAYERS, tags: ['a:1', 'localhost:5000/b'] },
          { layers: OTHER },
          { layers: OTHER, tags: ['multi'], config: arm64 },
          { layers: LAYERS, tags: ['multi', 'not a name'], config: { ...amd64, created: 'x' } },
        ]),
      );

    it('chooses by name, position and platform', async () => {
      const archive = reference();
      const source = start();
      const layersOf = async (which: string, platform = AMD64) =>
        (await source.resolve(`${archive}:${which}`, platform)).manifest.layers.length;
      expect(await layersOf('a:1')).toBe(2);
      expect(await layersOf('localhost:5000/b:latest')).toBe(2);
      expect(await layersOf('@1')).toBe(1);
      expect(await layersOf('multi')).toBe(2);
      expect(await layersOf('multi', ARM64)).toBe(1);
      expect(await layersOf('@2')).toBe(1); // of another platform, but counted
      await expect(layersOf('multi', parsePlatform('linux/s390x'))).rejects.toThrow(
        withCode('NO_MATCHING_PLATFORM', 'only: linux/arm64, linux/amd64'),
      );
      expect((await source.listImages(`${archive}:multi`)).images.map(({ platform }) => platform)).toEqual([
        ARM64,
        AMD64,
      ]);
    });

    it('lists them when none is named, or one that is not there', async () => {
      const archive = reference();
      const list = [':docker.io/library/a:1', ':@1', ':docker.io/library/multi:latest']
        .map((which) => archive + which)
        .join(', ');
      const source = start();
      await expect(source.resolve(archive, AMD64)).rejects.toThrow(
        withCode('INVALID_REFERENCE', `choose one of ${list}$`),
      );
      for (const which of [':a', ':@4'])
        await expect(source.resolve(archive + which, AMD64)).rejects.toThrow(withCode('NOT_FOUND', list));
    });
  });

  it('counts an image that is listed once per name as one image', async () => {
    const image = (tag: string) => ({ layers: LAYERS, tags: [tag] });
    const reference = dockerArchive(dockerArchiveFiles([image('a:1'), image('a:2')]));
    const source = start();
    const { digest } = await source.resolve(reference, AMD64);
    expect((await source.resolve(`${reference}:a:2`, AMD64)).digest).toBe(digest);
    expect((await source.listImages(reference)).images).toHaveLength(1);
  });

  it.each([null, ''])('takes a field %j in manifest.json as absent', async (nothing) => {
    const files = dockerArchiveFiles([{ layers: [] }]);
    const [image] = JSON.parse(files['manifest.json']!.toString());
    files['manifest.json'] = JSON.stringify([
      { ...image, RepoTags: nothing, Layers: nothing, Parent: nothing },
    ]);
    expect((await start().resolve(dockerArchive(files), AMD64)).manifest.layers).toEqual([]);
  });

  it('gives the variant that serves best, whatever the order', async () => {
    const arm = (variant: string) => ({
      layers: variant === 'v7' ? LAYERS : OTHER,
      tags: ['x'],
      config: { os: 'linux', architecture: 'arm', variant },
    });
    for (const variants of [
      ['v7', 'v6'],
      ['v6', 'v7'],
    ]) {
      const reference = `${dockerArchive(dockerArchiveFiles(variants.map(arm)))}:x`;
      const { manifest } = await start().resolve(reference, parsePlatform('linux/arm/v7'));
      expect(manifest.layers).toHaveLength(LAYERS.length);
    }
  });

  it('without a platform serves whoever asks', async () => {
    const none = { os: undefined, architecture: undefined };
    const reference = dockerArchive(dockerArchiveFiles([{ layers: LAYERS, config: none }]));
    expect((await start().resolve(reference, ARM64)).platform).toEqual(ARM64);
  });

  describe('that lies', () => {
    const spoiled = (change: (files: LocalFilesByName) => unknown) => {
      const files = dockerArchiveFiles([{ layers: LAYERS }]);
      change(files);
      return dockerArchive(files);
    };
    const configName = (files: LocalFilesByName) =>
      Object.keys(files).find((name) => /^\w{64}\.json$/.test(name))!;
    const edit = (files: LocalFilesByName, change: object) => {
      const [image] = JSON.parse(files['manifest.json']!.toString());
      files['manifest.json'] = JSON.stringify([{ ...image, ...change }]);
    };
    const table: [string, (files: LocalFilesByName) => unknown, string, RegExp][] = [
      [
        'is none',
        (files) => delete files['manifest.json'],
        'NOT_FOUND',
        /no docker-archive: it has no manifest/,
      ],
      [
        'is no JSON',
        (files) => (files['manifest.json'] = '['),
        'UNSUPPORTED',
        /manifest.json of .* is not JSON/,
      ],
      ['is no list', (files) => (files['manifest.json'] = '{}'), 'UNSUPPORTED', /is not a list of images/],
      [
        'lists no objects',
        (files) => (files['manifest.json'] = '[1]'),
        'UNSUPPORTED',
        /image 0 of .* object/,
      ],
      ['is empty', (files) => (files['manifest.json'] = '[]'), 'NOT_FOUND', /it has none/],
      ['names no config', (files) => edit(files, { Config: null }), 'UNSUPPORTED', /names no Config/],
      ['names odd layers', (files) => edit(files, { Layers: [1] }), 'UNSUPPORTED', /not a list of names/],
      [
        'has too many layers',
        (files) => edit(files, { Layers: Array.from({ length: 1025 }, () => 'x') }),
        'UNSUPPORTED',
        /1025 layers, over the limit of 1024/,
      ],
      [
        'names another number of layers',
        (files) => edit(files, { Layers: ['x'] }),
        'UNSUPPORTED',
        /2 diff_ids/,
      ],
      [
        'names layers outside',
        (files) => edit(files, { Layers: ['../../etc/passwd', '/etc/passwd'] }),
        'NOT_FOUND',
        /no \.\.\/\.\.\/etc/,
      ],
      [
        'names a config outside',
        (files) => edit(files, { Config: '/etc/passwd' }),
        'NOT_FOUND',
        /no \/etc\/passwd/,
      ],
      [
        'has too long a name',
        (files) => edit(files, { Config: 'x'.repeat(5000) }),
        'UNSUPPORTED',
        /name.* 4096/,
      ],
      [
        'lacks the config',
        (files) => delete files[configName(files)],
        'NOT_FOUND',
        /which its manifest.json names/,
      ],
      [
        'changed the config',
        (files) => (files[configName(files)] = `${files[configName(files)]} `),
        'DIGEST_MISMATCH',
        /its content is sha256/,
      ],
      [
        'has a huge manifest.json',
        (files) => (files['manifest.json'] = Buffer.alloc(4 * 2 ** 20 + 1, ' ')),
        'UNSUPPORTED',
        /limit is 4194304 bytes/,
      ],
    ];
    it.each(table)('%s', async (_, change, code, message) => {
      const reference = spoiled(change);
      const failing = start().resolve(reference, AMD64);
      await expect(failing).rejects.toThrow(withCode(code, message));
      await expect(failing).rejects.toThrow(reference.slice(reference.indexOf(':') + 1));
    });
  });
});

describe('an archive', () => {
  it.each(['oci-archive', 'docker-archive'])('%s that is not there, or no archive', async (place) => {
    const directory = scratchDirectory();
    const path = join(directory, 'x.tar');
    const resolve = () => start().resolve(`${place}:${path}`, AMD64);
    await expect(resolve()).rejects.toThrow(withCode('NOT_FOUND', `^${path}: no such file$`));
    writeFileSync(path, Buffer.from('fd377a585a00', 'hex'));
    await expect(resolve()).rejects.toThrow(withCode('UNSUPPORTED', `^${path}: .* compressed with xz`));
    writeFileSync(path, Buffer.from('28b52ffd', 'hex'));
    await expect(resolve()).rejects.toThrow(withCode('CORRUPT_LAYER', `^${path}: .*cut short`));
    writeFileSync(path, gzipSync(tarOfFiles({ a: 'x' })));
    await expect(resolve()).rejects.toThrow(withCode('NOT_FOUND', `^${path} is no `));
    writeFileSync(path, 'no archive'.repeat(1000));
    await expect(resolve()).rejects.toThrow(withCode('CORRUPT_LAYER', `^${path}: `));
    writeFileSync(path, '');
    await expect(resolve()).rejects.toThrow(withCode('NOT_FOUND', `^${path} is no `));
    await expect(start().resolve(`${place}:${directory}`, AMD64)).rejects.toThrow(
      withCode('IO_FAILED', 'no regular file'),
    );
  });

  it('of the other kind is told apart', async () => {
    const layout = new LayoutBuilder();
    const oci = writeArchive(join(scratchDirectory(), 'x.tar'), layout.top([layout.image(LAYERS)]));
    await expect(start().resolve(`docker-archive:${oci}`, AMD64)).rejects.toThrow(`an oci-archive:${oci}`);
    const docker = dockerArchive(dockerArchiveFiles([{ layers: LAYERS }])).replace('docker', 'oci');
    await expect(start().resolve(docker, AMD64)).rejects.toThrow(`a ${docker.replace('oci', 'docker')}`);
  });

  it('that is cut short is CORRUPT_LAYER', async () => {
    const path = join(scratchDirectory(), 'x.tar');
    const bytes = tarOfFiles(dockerArchiveFiles([{ layers: LAYERS }]));
    writeFileSync(path, bytes.subarray(0, 150_000));
    const failing = start().resolve(`docker-archive:${path}`, AMD64);
    await expect(failing).rejects.toThrow(withCode('CORRUPT_LAYER', `^${path}: .* short of its content`));
  });

  it('that another one takes the place of goes on as it was', async () => {
    const reference = dockerArchive(dockerArchiveFiles([{ layers: LAYERS }]));
    const path = reference.slice(reference.indexOf(':') + 1);
    const source = start();
    const image = await source.resolve(reference, AMD64);
    writeFileSync(`${path}.new`, tarOfFiles(dockerArchiveFiles([{ layers: OTHER }])));
    renameSync(`${path}.new`, path);
    const blob = source.open(image, image.manifest.layers[0]!);
    expect(Buffer.compare(await blob.read(0, blob.size), LAYERS[0]!)).toBe(0);
    // Another source finds the new one, which has no such layer.
    const late = start().open(image, image.manifest.layers[0]!);
    await expect(late.read(0, 10)).rejects.toThrow(
      withCode('NOT_FOUND', `^${path} has no layer .* any more`),
    );
  });
});

describe("a gzip'd archive", () => {
  /** A gzip member with a file name and a comment in its header (RFC 1952, 2.3). */
  const namedMember = (content: Uint8Array) => {
    const bytes = gzipSync(content);
    const flags = Buffer.from(bytes.subarray(0, 10));
    flags[3] = 0x08 | 0x10;
    return Buffer.concat([flags, Buffer.from('image.tar\0made by hand\0'), bytes.subarray(10)]);
  };
  const FORMS: [string, (tar: Buffer) => Uint8Array][] = [
    ['of one member', gzipSync],
    ['with a file name in its header', namedMember],
    [
      'of several members, and zeros behind',
      (tar) =>
        Buffer.concat([
          gzipSync(tar.subarray(0, 700)),
          gzipSync(''),
          namedMember(tar.subarray(700)),
          Buffer.alloc(512),
        ]),
    ],
    ['in zstd', compressZstd],
    ['in zstd with a large window', (tar) => compressZstd(tar, ['-19', '--long=27'])],
    [
      'of several zstd frames',
      (tar) => Buffer.concat([compressZstd(tar.subarray(0, 700)), compressZstd(tar.subarray(700))]),
    ],
  ];
  const write = (content: Uint8Array) => {
    const path = join(scratchDirectory(), 'x.tar.gz');
    writeFileSync(path, content);
    return path;
  };
  const layout = () => {
    const builder = new LayoutBuilder();
    return builder.top([builder.image(LAYERS)]);
  };
  /** Directory of decompressed archives. */
  const temporaryDirectory = (directory = scratchDirectory()) => {
    const before = process.env.TMPDIR;
    process.env.TMPDIR = directory;
    onCleanUp(() => {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    });
    return directory;
  };

  describe.each(FORMS)('%s', (_, pack) => {
    it.each([
      ['docker-archive', () => dockerArchiveFiles([{ layers: LAYERS }])],
      ['oci-archive', layout],
    ])('opens as a plain %s does, and leaves no file name on disk', async (place, files) => {
      const path = write(pack(tarOfFiles(files())));
      const directory = temporaryDirectory();
      const source = start();
      const image = await source.resolve(`${place}:${path}`, AMD64);
      rmSync(path);
      const blob = source.open(image, image.manifest.layers[0]!);
      expect(Buffer.compare(await blob.read(0, blob.size), LAYERS[0]!)).toBe(0);
      expect(readdirSync(directory)).toEqual([]);
      const { file: copy } = await blob.local!.open();
      const { size, blocks } = await copy.stat();
      expect(size).toBe(tarOfFiles(files()).length);
      expect(blocks * 512).toBeGreaterThan(LAYERS[0]!.length);
    });
  });

  it('of many zeros takes no disk space', async () => {
    const zeros = 20 * 2 ** 20;
    const files = { ...dockerArchiveFiles([{ layers: LAYERS }]), zeros: Buffer.alloc(zeros) };
    const path = write(gzipSync(tarOfFiles(files)));
    temporaryDirectory();
    const source = start();
    const image = await source.resolve(`docker-archive:${path}`, AMD64);
    const { file: copy } = await source.open(image, image.manifest.layers[0]!).local!.open();
    const { size, blocks } = await copy.stat();
    expect(size).toBeGreaterThan(zeros);
    expect(blocks * 512).toBeLessThan(5 * 2 ** 20);
  });

  it('that is truncated or damaged is CORRUPT_LAYER', async () => {
    const tar = tarOfFiles(dockerArchiveFiles([{ layers: LAYERS }]));
    const bytes = gzipSync(tar);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 6]! ^= 1; // of the CRC32
    const zstd = compressZstd(tar);
    const damagedZstd = Buffer.from(zstd);
    damagedZstd[damagedZstd.length - 1]! ^= 1;
    for (const [content, why] of [
      [bytes.subarray(0, 150_000), 'cut short'],
      [damaged, 'CRC32'],
      [zstd.subarray(0, 150_000), 'cut short'],
      [damagedZstd, 'checksum'],
    ] as const) {
      const path = write(content);
      const failing = start().resolve(`docker-archive:${path}`, AMD64);
      await expect(failing).rejects.toThrow(withCode('CORRUPT_LAYER', `^${path}: .*${why}`));
    }
  });

  it('names the directory that decompression failed in, with advice', async () => {
    const path = write(gzipSync(tarOfFiles(layout())));
    const nowhere = temporaryDirectory(join(scratchDirectory(), 'nowhere'));
    await expect(start().resolve(`oci-archive:${path}`, AMD64)).rejects.toThrow(
      withCode(
        'IO_FAILED',
        `^${path}: decompressing the archive into ${nowhere} \\(set TMPDIR .*no such file or directory`,
      ),
    );
  });

  it.runIf(IS_ROOT)('that does not fit on the disk is IO_FAILED', async () => {
    const path = write(gzipSync(tarOfFiles(layout())));
    const small = temporaryDirectory(scratchTmpfs(100 * 1024));
    await expect(start().resolve(`oci-archive:${path}`, AMD64)).rejects.toThrow(
      withCode('IO_FAILED', `^${path}: .* ${small} .*no space left on device`),
    );
    expect(readdirSync(small)).toEqual([]);
  });
});
