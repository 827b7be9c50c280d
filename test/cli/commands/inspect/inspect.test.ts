import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, type ChildOptions } from '../../../support/child.js';
import { corruptAt, FaultProxy, stallAfter } from '../../../support/fault-proxy.js';
import {
  blobName,
  dockerArchiveFiles,
  LayoutBuilder,
  named,
  writeArchive,
  writeDirectory,
} from '../../../support/local-images.js';
import { until, Workplace } from '../../../support/mounts.js';
import {
  OCI_MANIFEST,
  type PushedImage,
  pushImage,
  pushIndex,
  pushManifest,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { file, tarOf } from '../../../support/tar.js';

const TARS = [tarOf(file('a', 'lower')), tarOf(file('b', 'upper'))];
const LAYERS = TARS.map((tar) => gzipSync(tar));
const CONFIG = {
  architecture: 'amd64',
  author: 'me',
  config: {
    Env: ['PATH=/bin', 'EVIL=\x1b[31m'],
    Entrypoint: ['/start'],
    Cmd: ['a', 'b c'],
    User: '101',
    WorkingDir: '/srv',
    ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
    Volumes: { '/data': {} },
    Labels: { one: '1', two: '2' },
    StopSignal: 'SIGQUIT',
  },
  history: [
    { created_by: '/bin/sh -c #(nop) ADD file:1 in / ', comment: 'first' },
    { created_by: 'ENV PATH=/bin', empty_layer: true },
    { created_by: 'RUN /bin/sh -c make     && make install # buildkit' },
  ],
};

let registry: TestRegistry;
let amd64: PushedImage;
let arm64: PushedImage;
let index: { digest: string };
let reference = '';
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry({ auth: true });
  amd64 = await pushImage(registry, 'test/app', { layers: LAYERS, config: CONFIG });
  arm64 = await pushImage(registry, 'test/app', {
    layers: LAYERS.slice(1),
    config: { architecture: 'arm64', history: [] },
  });
  index = await pushIndex(registry, 'test/app:v1', [
    { image: amd64, platform: { os: 'linux', architecture: 'amd64' } },
    { image: arm64, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
  ]);
  reference = `${registry.host}/test/app:v1`;
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

/** As a user with a password: every command takes the same options. */
const inspect = (args: readonly string[], options: ChildOptions = {}) =>
  place.layerslayer(['inspect', '--username', REGISTRY_USER, '--password-stdin', ...args], {
    input: REGISTRY_PASSWORD,
    ...options,
  });

describe('inspect', () => {
  it('shows people what there is', async () => {
    const { status, stdout, stderr } = await inspect([reference, '--platform', 'linux/amd64']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const sizes = amd64.manifest.layers.map(({ size }) => `${size} B`);
    const [one, two] = amd64.manifest.layers.map(({ digest }) => digest);
    expect(stdout).toBe(
      [
        `Image:        ${reference}`,
        `Index:        ${index.digest}`,
        `Manifest:     ${amd64.digest}`,
        `Config:       ${amd64.manifest.config.digest}`,
        'Platform:     linux/amd64',
        'Created:      2024-01-02T03:04:05Z',
        'Author:       me',
        'User:         101',
        'Workdir:      /srv',
        'Entrypoint:   ["/start"]',
        'Cmd:          ["a","b c"]',
        'Stop signal:  SIGQUIT',
        'Env:          PATH=/bin',
        '              EVIL=\\x1b[31m',
        'Ports:        80/tcp',
        '              443/tcp',
        'Volumes:      /data',
        'Labels:       one=1',
        '              two=2',
        '',
        'PLATFORM     MANIFEST',
        `linux/amd64  ${amd64.digest}  chosen`,
        `linux/arm64  ${arm64.digest}`,
        '',
        'STEP  LAYER  SIZE           CREATED BY',
        `1     1      ${sizes[0]!.padEnd(13)}  ADD file:1 in /`,
        '2     -      metadata only  ENV PATH=/bin',
        `3     2      ${sizes[1]!.padEnd(13)}  RUN make && make install`,
        '',
        'LAYER  SIZE   DIGEST',
        `1      ${sizes[0]!.padEnd(5)}  ${one}`,
        `2      ${sizes[1]!.padEnd(5)}  ${two}`,
        `total  ${LAYERS[0]!.length + LAYERS[1]!.length} B  2 layers`,
        '',
      ].join('\n'),
    );
  });

  it('tells programs exactly', async () => {
    const { status, stdout } = await inspect([reference, '--json', '--platform', 'linux/amd64']);
    expect(status).toBe(0);
    const { layers, config } = amd64.manifest;
    expect(JSON.parse(stdout)).toEqual({
      reference,
      index: index.digest,
      digest: amd64.digest,
      mediaType: amd64.mediaType,
      platform: 'linux/amd64',
      platforms: [
        { platform: 'linux/amd64', digest: amd64.digest, size: amd64.size },
        { platform: 'linux/arm64', digest: arm64.digest, size: arm64.size },
      ],
      annotations: {},
      config: {
        digest: config.digest,
        size: config.size,
        created: '2024-01-02T03:04:05Z',
        author: 'me',
        user: '101',
        workingDir: '/srv',
        stopSignal: 'SIGQUIT',
        env: CONFIG.config.Env,
        entrypoint: ['/start'],
        cmd: ['a', 'b c'],
        exposedPorts: ['80/tcp', '443/tcp'],
        volumes: ['/data'],
        labels: { one: '1', two: '2' },
      },
      steps: [
        {
          createdBy: CONFIG.history[0]!.created_by,
          comment: 'first',
          metadataOnly: false,
          layer: 1,
          size: layers[0]!.size,
        },
        { createdBy: CONFIG.history[1]!.created_by, metadataOnly: true },
        { createdBy: CONFIG.history[2]!.created_by, metadataOnly: false, layer: 2, size: layers[1]!.size },
      ],
      layers: layers.map(({ digest, size, mediaType }, i) => ({
        layer: i + 1,
        digest,
        diffId: sha256(TARS[i]!),
        verified: true,
        size,
        mediaType,
      })),
      totalSize: LAYERS[0]!.length + LAYERS[1]!.length,
    });
  });

  it('of a single manifest names no index, and no history is no table', async () => {
    const { stdout } = await inspect([`${registry.host}/test/app@${arm64.digest}`]);
    expect(stdout).toContain('Platform:  linux/arm64\n');
    expect(stdout).not.toMatch(/^(Index|PLATFORM|STEP)/m);
  });

  it('prints the steps as a Dockerfile', async () => {
    const { status, stdout } = await inspect([reference, '--dockerfile', '--platform', 'linux/amd64']);
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `# ${reference}@${amd64.digest} (linux/amd64)`,
      'FROM scratch',
      expect.stringMatching(/^# layer 1: sha256:[0-9a-f]{12}.*, \d+ B$/),
      'ADD file:1 in /',
      'ENV PATH=/bin',
      expect.stringMatching(/^# layer 2: /),
      'RUN make \\',
      '    && make install',
      '',
    ]);
  });

  it.each([
    [['--dockerfile', '--json'], 2],
    [['--platform', 'unheard'], 2],
    [['--platform', 'linux/s390x'], 12],
  ])('%j: %d', async (args, status) => {
    const ended = await inspect([reference, ...args]);
    expect(ended).toMatchObject({ status, stdout: '' });
  });

  it('warns when --platform asks for another image than the digest names', async () => {
    const byDigest = `${registry.host}/test/app@${amd64.digest}`;
    const other = await inspect([byDigest, '--platform', 'arm64', '-q']);
    expect(other.stdout).toContain('linux/amd64');
    expect(other).toMatchObject({
      status: 0,
      stderr: `warning: ${byDigest} is for linux/amd64, and not for linux/arm64 as --platform asks\n`,
    });
    for (const args of [[byDigest], [byDigest, '--platform', 'amd64'], [reference, '--platform', 'arm64']])
      expect(await inspect(args)).toMatchObject({ status: 0, stderr: '' });
    const indexed = await place.layerslayer(
      ['index', '--username', REGISTRY_USER, '--password-stdin', '--platform', 'arm64', byDigest],
      { input: REGISTRY_PASSWORD },
    );
    expect(indexed).toMatchObject({ status: 0, stderr: other.stderr });
  });

  it('names the image on this machine whose path was given', async () => {
    const layout = place.directory('img');
    writeFileSync(join(layout, 'index.json'), '{}');
    const ended = await place.layerslayer(['inspect', './img'], { cwd: place.scratch });
    expect(ended).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/\(on this machine: oci:\.\/img\)\n$/),
    });
    const none = `${registry.host}/test/none`;
    mkdirSync(join(place.scratch, none), { recursive: true });
    writeFileSync(join(place.scratch, none, 'index.json'), '{}');
    const mountpoint = place.directory('mnt');
    for (const words of [
      ['inspect', none],
      ['index', none],
      ['mount', none, mountpoint],
    ]) {
      const missing = await place.layerslayer([...words, '--username', REGISTRY_USER, '--password-stdin'], {
        input: REGISTRY_PASSWORD,
        cwd: place.scratch,
      });
      expect(missing).toMatchObject({
        status: 10,
        stderr: expect.stringContaining(` (on this machine: oci:${none})\n`),
      });
    }
  });

  it('says whom the registry wants', async () => {
    expect(await place.layerslayer(['inspect', reference])).toMatchObject({ status: 11, stdout: '' });
    expect(await inspect([`${registry.host}/test/none`])).toMatchObject({ status: 10, stdout: '' });
    expect(await inspect(['UPPER', '--json'])).toMatchObject({ status: 2, stdout: '' });
  });

  it('needs the registry only for what a tag stands for; by digest, not at all', async () => {
    const other = await startRegistry();
    await pushImage(other, 'test/app:v1', { layers: LAYERS, config: CONFIG });
    const one = await place.layerslayer(['inspect', '--json', `${other.host}/test/app:v1`]);
    await other.stop();
    const { digest } = JSON.parse(one.stdout) as { digest: string };
    expect(await place.layerslayer(['inspect', `${other.host}/test/app@${digest}`])).toMatchObject({
      status: 0,
    });
  });

  it('of results that cannot be written: 17 when the disk is full, quiet when the reader is gone', async () => {
    await inspect([reference]);
    const shell = (script: string) =>
      attempt(
        'bash',
        ['-c', script, ...place.program, `inspect`, `${registry.host}/test/app@${amd64.digest}`],
        {
          env: place.env,
        },
      );
    expect(await shell('"$0" "$@" >/dev/full')).toMatchObject({
      status: 17,
      stderr: 'layerslayer: writing to stdout: no space left on device\n',
    });
    expect(await shell('"$0" "$@" | true; echo "$PIPESTATUS"')).toMatchObject({
      stdout: '0\n',
      stderr: '',
    });
  });

  it('is wrong usage with two options that show one thing only', async () => {
    for (const [one, two] of [
      ['dockerfile', 'json'],
      ['raw', 'digest'],
      ['digest', 'json'],
    ]) {
      const { status, stderr } = await inspect([`--${two}`, `--${one}`, reference]);
      expect({ status, stderr }).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(`--${one} and --${two} exclude each other`),
      });
    }
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s with %d', async (signal, status) => {
    const proxy = await FaultProxy.start({
      target: registry.url,
      rules: [{ path: /blobs/, fault: stallAfter(0) }],
    });
    try {
      let pid = 0;
      const ending = inspect([`${proxy.host}/test/app:v1`], {
        started: (its) => {
          pid = its;
        },
      });
      await until(
        () => proxy.requests(/blobs/).length > 0,
        10_000,
        () => 'no request came',
      );
      process.kill(pid, signal);
      expect(await ending).toEqual({
        status,
        signal: null,
        stdout: '',
        stderr: 'layerslayer: interrupted\n',
      });
    } finally {
      await proxy.stop();
    }
  });
});

describe('inspect --raw and --digest', () => {
  const raw = async (...args: string[]) => (await inspect(['--raw', ...args])).stdout;
  const digest = async (...args: string[]) => (await inspect(['--digest', ...args])).stdout;

  it('are of what IMAGE names, and with --platform of its image', async () => {
    const text = await raw(reference);
    expect(sha256(Buffer.from(text, 'latin1'))).toBe(index.digest);
    expect(await digest(reference)).toBe(`${index.digest}\n`);
    expect(await raw('--platform', 'arm64', reference)).toBe(arm64.bytes.toString('latin1'));
    expect(await digest('--platform', 'arm64', reference)).toBe(`${arm64.digest}\n`);
    const pinned = `${registry.host}/test/app@${amd64.digest}`;
    expect(await raw(pinned)).toBe(amd64.bytes.toString('latin1'));
    expect(await digest(pinned)).toBe(`${amd64.digest}\n`);
    expect(await inspect(['--raw', '--platform', 's390x', reference])).toMatchObject({
      status: 12,
      stdout: '',
    });
  });

  it('fetch no config and no layer', async () => {
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      expect(await digest(`${proxy.host}/test/app:v1`)).toBe(`${index.digest}\n`);
      expect(proxy.requests(/blobs/)).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  it('are of any manifest, checked by its digest', async () => {
    const artifact = Buffer.from(
      ` {"schemaVersion":2,\r\n"artifactType":"x/y","config":${JSON.stringify(
        amd64.manifest.config,
      )},"layers":[]}\n`,
    );
    const pushed = await pushManifest(registry, 'test/app', 'artifact', artifact, OCI_MANIFEST);
    expect(await raw(`${registry.host}/test/app:artifact`)).toBe(artifact.toString('latin1'));
    expect(await digest(`${registry.host}/test/app:artifact`)).toBe(`${pushed.digest}\n`);
    const rules = [{ path: /manifests/, fault: corruptAt(5) }];
    const proxy = await FaultProxy.start({ target: registry.url, rules });
    try {
      const pinned = `${proxy.host}/test/app@${pushed.digest}`;
      expect(await inspect(['--raw', '--cache-size', '0', pinned])).toMatchObject({ status: 14, stdout: '' });
    } finally {
      await proxy.stop();
    }
  });

  it('are of images on this machine too', async () => {
    const layout = new LayoutBuilder();
    const image = layout.image(TARS);
    const other = layout.image(TARS.slice(1), { architecture: 'arm64' });
    const both = ['amd64', 'arm64'].map((architecture, i) =>
      named({ ...[image, other][i]!, platform: { os: 'linux', architecture } }, 'both'),
    );
    const whole = layout.index([image, other]);
    const files = layout.top([
      named({ ...image, platform: { os: 'linux', architecture: 'amd64' } }, 'one'),
      named(whole, 'index'),
      ...both,
    ]);
    writeDirectory(join(place.scratch, 'img'), files);
    writeArchive(join(place.scratch, 'img.tar'), files);
    const here = { cwd: place.scratch };
    const shown = async (...args: string[]) => (await place.layerslayer(['inspect', ...args], here)).stdout;
    for (const where of ['oci:img', 'oci-archive:img.tar']) {
      for (const [name, wanted] of [
        ['one', image],
        ['index', whole],
      ] as const) {
        expect(await shown('--raw', `${where}:${name}`)).toBe(String(files[blobName(wanted.digest)]));
        expect(await shown('--digest', `${where}:${name}`)).toBe(`${wanted.digest}\n`);
      }
      expect(await shown('--raw', `${where}:both`)).toBe(files['index.json']);
      expect(await shown('--digest', '--platform', 'arm64', `${where}:both`)).toBe(`${other.digest}\n`);
    }
    writeArchive(join(place.scratch, 'save.tar'), dockerArchiveFiles([{ layers: TARS, tags: ['app:v1'] }]));
    const made = await shown('--raw', 'docker-archive:save.tar');
    expect(JSON.parse(made)).toMatchObject({ layers: TARS.map((tar) => ({ digest: sha256(tar) })) });
    expect(await shown('--digest', 'docker-archive:save.tar')).toBe(`${sha256(made)}\n`);
  });

  it('send a terminal no control characters', async () => {
    const evil =
      Buffer.from(`{"schemaVersion":2,"config":${JSON.stringify(amd64.manifest.config)},"layers":[],
"annotations":{"a":"\x9b31m\u202e"}}`);
    await pushManifest(registry, 'test/app', 'evil', evil, OCI_MANIFEST);
    const password = join(place.scratch, 'password');
    writeFileSync(password, REGISTRY_PASSWORD);
    const words = [
      'inspect',
      '--raw',
      '--username',
      REGISTRY_USER,
      '--password-stdin',
      `${registry.host}/test/app:evil`,
    ];
    const shell = [
      'bash',
      '-c',
      'script -qec "$*" /dev/null',
      'bash',
      ...place.program,
      ...words,
      '<',
      password,
    ];
    const { stdout } = await attempt(shell[0]!, shell.slice(1), { env: { ...place.env, SHELL: '/bin/sh' } });
    expect(stdout).toContain('"a":"\\u009b31m\\u202e"');
    expect(stdout).not.toContain('\xc2\x9b');
  });
});
