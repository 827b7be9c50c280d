import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FaultProxy, stallAfter, status } from '../../../support/fault-proxy.js';
import {
  dockerArchiveFiles,
  LayoutBuilder,
  named,
  writeArchive,
  writeDirectory,
} from '../../../support/local-images.js';
import { until, Workplace } from '../../../support/mounts.js';
import {
  pushImage,
  pushManifest,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { file, tarOf } from '../../../support/tar.js';

const LAYER = tarOf(file('a', 'x'));
const TAGS = Array.from({ length: 150 }, (_, i) => `v1.${i}`);

let registry: TestRegistry;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry({ auth: true });
  const image = await pushImage(registry, 'test/app:v1.0', { layers: [gzipSync(LAYER)] });
  for (const tag of TAGS.slice(1))
    await pushManifest(registry, 'test/app', tag, image.bytes, image.mediaType);
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const tags = (args: readonly string[]) => place.layerslayer(['tags', ...args], { cwd: place.scratch });
const login = ['--username', REGISTRY_USER, '--password-stdin'];
const listed = (args: readonly string[]) =>
  place.layerslayer(['tags', ...login, ...args], { input: REGISTRY_PASSWORD });

describe('tags of a registry', () => {
  it('are one a line, and an array with --json', async () => {
    const { status, stdout, stderr } = await listed([`${registry.host}/test/app`]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n').sort()).toEqual(TAGS.toSorted());
    const json = JSON.parse((await listed(['--json', `docker://${registry.host}/test/app`])).stdout);
    expect(json).toEqual(stdout.trimEnd().split('\n'));
  });

  it('may all be on one page', async () => {
    const all = Array.from({ length: 200_000 }, (_, i) => `v${i}`);
    const server = createServer((request, response) => {
      const isList = request.url!.includes('/tags/list');
      response.setHeader('content-type', 'application/json').end(JSON.stringify(isList ? { tags: all } : {}));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const { status, stdout, stderr } = await tags(['--json', `127.0.0.1:${port}/app`]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toHaveLength(all.length);
    } finally {
      server.close();
    }
  });

  it('of an unknown repository are NOT_FOUND, and name it', async () => {
    const { status, stdout, stderr } = await listed([`${registry.host}/test/none`]);
    expect({ status, stdout }).toEqual({ status: 10, stdout: '' });
    expect(stderr).toMatch(
      /^layerslayer: listing tags of 127\.0\.0\.1:\d+\/test\/none: got 404 .* NAME_UNKNOWN/,
    );
  });

  it('of a private repository want credentials', async () => {
    const { status, stderr } = await tags([`${registry.host}/test/app`]);
    expect(status).toBe(11);
    expect(stderr).toContain('not found, or private');
  });

  it('are shown while pages come, hostile ones escaped', async () => {
    const evil = '\x1b[31m\nx\u202e';
    const page = JSON.stringify({ tags: ['first', evil] });
    const rules = [
      { path: /last=x/, fault: { ...stallAfter(0) } },
      { path: /tags/, fault: status(200, { link: '<list?last=x>; rel=next' }, page) },
    ];
    const proxy = await FaultProxy.start({ target: registry.url, rules });
    try {
      let shown = '';
      const ended = place.layerslayer(['tags', `${proxy.host}/test/app`], {
        heard: (text: string) => {
          shown += text;
        },
      });
      await until(
        () => shown.includes('\\x0ax'),
        10_000,
        () => shown,
      );
      expect(shown).toBe('first\n\\x1b[31m\\x0ax\\xe2\\x80\\xae\n');
      void ended;
    } finally {
      await proxy.stop();
    }
  });
});

describe('tags on this machine', () => {
  const layout = new LayoutBuilder();
  const image = layout.image([LAYER]);
  const other = layout.image([LAYER, LAYER]);

  it('are the names of the images in a layout, each once, and in an archive of one', async () => {
    const files = layout.top([named(image, 'v2'), named(other, 'v1'), named(other, 'v2'), image]);
    writeDirectory(join(place.scratch, 'img'), files);
    writeArchive(join(place.scratch, 'img.tar'), files);
    for (const where of ['oci:img', 'oci-archive:img.tar'])
      expect(await tags([where])).toMatchObject({ status: 0, stdout: 'v2\nv1\n', stderr: '' });
  });

  it('are the references in a docker-archive', async () => {
    const files = dockerArchiveFiles([
      { layers: [LAYER], tags: ['app:v1', 'ghcr.io/o/r:x'] },
      { layers: [LAYER] },
    ]);
    writeArchive(join(place.scratch, 'save.tar'), files);
    const { stdout } = await tags(['--json', 'docker-archive:save.tar']);
    expect(JSON.parse(stdout)).toEqual(['docker.io/library/app:v1', 'ghcr.io/o/r:x']);
  });

  it.each(['oci:none', 'docker-archive:none.tar'])('%s is NOT_FOUND', async (where) => {
    expect(await tags([where])).toMatchObject({ status: 10, stdout: '' });
  });
});

it.each([
  ['nginx:alpine', 'want a repository: nginx '],
  [`ghcr.io/o/r@sha256:${'0'.repeat(64)}`, 'want a repository: ghcr.io/o/r '],
  ['docker://localhost:5000/a:1', 'want a repository: docker://localhost:5000/a '],
  ['oci:/srv/img:v1', 'want a repository: oci:/srv/img '],
])('an image is wrong usage, and the repository is named: %s', async (text, advice) => {
  const { status, stderr } = await tags([text]);
  expect(status).toBe(2);
  expect(stderr).toContain(advice);
});
