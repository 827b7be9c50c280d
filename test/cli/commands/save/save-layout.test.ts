import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../support/child.js';
import { corruptAt, FaultProxy } from '../../../support/fault-proxy.js';
import { Workplace } from '../../../support/mounts.js';
import {
  OCI_MANIFEST,
  type PushedImage,
  pushImage,
  pushIndex,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { dir, file, symlink, tarOf, whiteout } from '../../../support/tar.js';

const LOWER = tarOf(dir('etc/'), file('etc/a', 'lower'), file('etc/gone', 'x'), symlink('link', 'etc/a'));
const UPPER = tarOf(dir('etc/'), file('etc/a', 'upper'), whiteout('etc/gone'));
const LAYERS = [gzipSync(LOWER), gzipSync(UPPER)];

let registry: TestRegistry;
let oci: PushedImage;
let docker: PushedImage;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  oci = await pushImage(registry, 'test/app:v1', { layers: LAYERS });
  docker = await pushImage(registry, 'test/app:docker', { layers: LAYERS, docker: true });
  await pushIndex(registry, 'test/app:index', [
    { image: oci, platform: { os: 'linux', architecture: 'amd64' } },
  ]);
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const saveAs = (tag: string, args: readonly string[] = ['--format', 'oci', 'out'], host = registry.host) =>
  place.layerslayer(['save', ...args, `${host}/test/app${tag}`], { cwd: place.scratch });
const at = (path: string) => join(place.scratch, path);
const json = (path: string) => JSON.parse(readFileSync(at(path), 'utf8'));
const names = () => json('out/index.json').manifests.map((one: { annotations: object }) => one.annotations);
const named = (...tags: string[]) => tags.map((tag) => ({ 'org.opencontainers.image.ref.name': tag }));

/** What skopeo and umoci make of it. */
async function expectImage(tag: string): Promise<void> {
  const inspected = await run('skopeo', ['inspect', '--raw', `oci:${at('out')}:${tag}`]);
  const { layers } = JSON.parse(inspected.stdout) as { layers: { digest: string }[] };
  expect(layers.map(({ digest }) => digest)).toEqual(LAYERS.map(sha256));
  await run('skopeo', ['copy', '-q', `oci:${at('out')}:${tag}`, `dir:${at(`copy-${tag}`)}`]);
  await run('umoci', ['raw', 'unpack', '--image', `${at('out')}:${tag}`, at(`tree-${tag}`)]);
  expect(readFileSync(at(`tree-${tag}/etc/a`), 'utf8')).toBe('upper');
  expect(readdirSync(at(`tree-${tag}/etc`))).toEqual(['a']);
}

describe('save --format oci', () => {
  it('makes a layout of the image as it is', async () => {
    const { status, stdout, stderr } = await saveAs(':index');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').at(-2)).toMatch(
      new RegExp(
        `^${registry.host}/test/app:index@${oci.digest} \\(linux/amd64\\): 2 layers, .* in oci:out:index, `,
      ),
    );
    const blobs = [oci.digest, oci.manifest.config.digest, ...LAYERS.map(sha256)];
    expect(readdirSync(at('out'), { recursive: true }).sort()).toEqual(
      [
        'blobs',
        'blobs/sha256',
        ...blobs.map((digest) => `blobs/${digest.replace(':', '/')}`),
        'index.json',
        'oci-layout',
      ].sort(),
    );
    expect(readFileSync(at(`out/blobs/${oci.digest.replace(':', '/')}`))).toEqual(oci.bytes);
    expect(json('out/index.json').manifests).toEqual([
      {
        mediaType: OCI_MANIFEST,
        digest: oci.digest,
        size: oci.size,
        platform: { os: 'linux', architecture: 'amd64' },
        annotations: { 'org.opencontainers.image.ref.name': 'index' },
      },
    ]);
    await expectImage('index');
  });

  it("writes docker's manifest in OCI's words, and says so", async () => {
    const { status, stderr } = await saveAs(':docker');
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^its manifest is docker's: .* as sha256:/)]);
    expect(json('out/index.json').manifests[0].digest).not.toBe(docker.digest);
    await expectImage('docker');
  });

  it('adds to a layout, and takes the place of what has the same name', async () => {
    await run('skopeo', [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${registry.host}/test/app:v1`,
      `oci:${at('out')}:other`,
    ]);
    for (const tag of [':docker', ':v1', ':docker']) expect(await saveAs(tag)).toMatchObject({ status: 0 });
    expect(names()).toEqual(named('other', 'v1', 'docker'));
    for (const tag of ['other', 'v1', 'docker']) await expectImage(tag);
  });

  it('lists every image of several saves at once', async () => {
    const ended = await Promise.all([':docker', ':v1', ':index'].map((tag) => saveAs(tag)));
    expect(ended.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(names()).toHaveLength(3);
    expect(names()).toEqual(expect.arrayContaining(named('docker', 'v1', 'index')));
  });

  it.each(['.oci-layout.partial', '.index.json.partial'])(
    'goes on where a save was killed that left %s',
    async (left) => {
      if (left.startsWith('.index')) await saveAs(':docker');
      else mkdirSync(at('out'));
      writeFileSync(at(`out/${left}`), 'x'.repeat(5000));
      expect(await saveAs(':v1')).toMatchObject({ status: 0, stderr: '' });
      expect(readdirSync(at('out')).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
      await expectImage('v1');
    },
  );

  it('names an image without a tag by its digest', async () => {
    expect(await saveAs(`@${oci.digest}`)).toMatchObject({ status: 0 });
    await expectImage(oci.digest.replace(':', '-'));
  });

  it('lists nothing that is not there whole', async () => {
    const proxy = await FaultProxy.start({
      target: registry.url,
      rules: [{ path: new RegExp(`blobs/${sha256(LAYERS[1]!)}`), fault: corruptAt(9) }],
    });
    try {
      expect(await saveAs(':v1', undefined, proxy.host)).toMatchObject({
        status: 14,
        stdout: expect.stringContaining('layer 1/2'),
      });
    } finally {
      await proxy.stop();
    }
    expect(readdirSync(at('out')).sort()).toEqual(['blobs', 'oci-layout']);
    expect(await saveAs(':v1')).toMatchObject({ status: 0 });
    await expectImage('v1');
  });

  it('copies one layout into another', async () => {
    await saveAs(':v1');
    const { status, stdout } = await place.layerslayer(['save', 'oci:out:v1', '--format', 'oci', 'second'], {
      cwd: place.scratch,
    });
    expect([status, stdout]).toEqual([0, expect.stringContaining(' 0 B fetched in ')]);
    expect(json('second/index.json')).toEqual(json('out/index.json'));
  });

  it('leaves a directory alone that is something else', async () => {
    mkdirSync(at('out'));
    writeFileSync(at('out/mine'), '');
    expect(await saveAs(':v1')).toMatchObject({
      status: 17,
      stderr: expect.stringContaining('neither empty nor an OCI layout'),
    });
    writeFileSync(at('out/oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
    expect(await saveAs(':v1')).toMatchObject({
      status: 16,
      stderr: expect.stringContaining('got version "2.0.0"'),
    });
    expect(readdirSync(at('out')).sort()).toEqual(['mine', 'oci-layout']);
  });

  it.each([
    [['--format', 'tar', 'out']],
    [['--format', 'oci', 'out', '--layer', '1']],
    [['--format', 'oci', 'out', '-o', 'x']],
    [['--format', 'oci', '']],
  ])('%j is wrong usage', async (args) => {
    expect(await saveAs(':v1', args)).toMatchObject({ status: 2, stdout: '' });
  });
});
