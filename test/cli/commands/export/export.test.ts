import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt, run } from '../../../support/child.js';
import { FaultProxy, stallAfter } from '../../../support/fault-proxy.js';
import {
  dockerArchiveFiles,
  LayoutBuilder,
  named,
  writeArchive,
  writeDirectory,
} from '../../../support/local-images.js';
import { until, Workplace } from '../../../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, file, hardlink, symlink, tarOf, whiteout } from '../../../support/tar.js';
import { readTar } from '../../../support/tar-oracle.js';
import { Terminal } from '../../../support/terminal.js';

const LARGE = noise(3_000_000, 2);
const LAYERS = [
  tarOf(
    dir('./', { mode: 0o711 }),
    dir('d/'),
    file('d/a', 'a'),
    file('d/gone', 'gone'),
    file('large', LARGE),
  ),
  tarOf(dir('d/', { mode: 0o700 }), whiteout('d/gone'), file('d/b', 'b', { uid: 7 }), hardlink('d/c', 'd/b')),
  tarOf(symlink('link', 'd/a')),
];
const NAMES = ['./', 'd/', 'd/a', 'd/b', 'd/c', 'large', 'link'];

let registry: TestRegistry;
let place: Workplace;
let image: string;
beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'app:latest', { layers: LAYERS.map((layer) => gzipSync(layer)) });
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
  const builder = new LayoutBuilder();
  const layout = builder.top([named(builder.image(LAYERS), 'latest')]);
  image = `oci:${writeDirectory(join(place.scratch, 'layout'), layout)}`;
});
afterEach(() => place.cleanUp());

const layerslayer = (...args: string[]) => place.layerslayer(args, { cwd: place.scratch });
const path = (name: string) => join(place.scratch, name);
const members = async (name: string) => readTar(readFileSync(path(name)));
const names = async (name: string) => (await members(name)).map((one) => one.path).sort();
/** Files in the working directory, but for what each test has. */
const made = () =>
  readdirSync(place.scratch)
    .filter((name) => !/^(home|tmp|state|cache|layout|images?\.tar)$/.test(name))
    .sort();

/** @returns whether a FIFO that does not block has a byte, which is taken */
const takesByte = (fd: number) => {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch {
    return false; // EAGAIN
  }
};

describe('export', () => {
  it('writes a registry’s image, a layout’s and an archive’s to a file', async () => {
    const archive = writeArchive(path('image.tar'), dockerArchiveFiles([{ layers: LAYERS, tags: ['a:1'] }]));
    for (const from of [`${registry.host}/app`, image, `docker-archive:${archive}`]) {
      const ended = await layerslayer('export', from, '-o', 'out.tar');
      expect(ended).toMatchObject({ status: 0, stderr: '' });
      expect(ended.stdout).toMatch(
        /@sha256:\w{64}: \/ \(4 files, 2\.9 MiB\) in out\.tar, \S+ \S+ fetched in \d+\.\d s\n$/,
      );
      expect(await names('out.tar')).toEqual(NAMES);
    }
    expect(made()).toEqual(['out.tar']);
  });

  it('writes to stdout, parents first, with links and owners', async () => {
    const script = '"$@" > out.tar';
    const words = [...place.program, 'export', image];
    const ended = await attempt('bash', ['-c', script, 'bash', ...words], {
      cwd: place.scratch,
      env: place.env,
    });
    expect(ended).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const listed = await run('tar', ['-tv', '--numeric-owner', '-f', path('out.tar')]);
    expect(listed.stdout.replaceAll(/ +/g, ' ')).toBe(
      [
        'drwx--x--x 0/0 0 2017-07-14 02:40 ./',
        'drwx------ 0/0 0 2017-07-14 02:40 d/',
        '-rw-r--r-- 0/0 1 2017-07-14 02:40 d/a',
        '-rw-r--r-- 7/0 1 2017-07-14 02:40 d/b',
        'hrw-r--r-- 7/0 0 2017-07-14 02:40 d/c link to d/b',
        '-rw-r--r-- 0/0 3000000 2017-07-14 02:40 large',
        'lrwxrwxrwx 0/0 0 2017-07-14 02:40 link -> d/a',
        '',
      ].join('\n'),
    );
  });

  it('writes one layer’s own tree', async () => {
    expect(await layerslayer('export', '--layer', '1', image, '-o', 'one.tar')).toMatchObject({ status: 0 });
    expect(await names('one.tar')).toEqual(['./', 'd/', 'd/a', 'd/gone', 'large']);
    expect(await layerslayer('export', '--layer', '4', image, '-o', 'four.tar')).toMatchObject({
      status: 10,
    });
    expect(made()).toEqual(['one.tar']);
  });

  it('tells programs what it wrote', async () => {
    const { status, stdout } = await layerslayer('export', '--json', image, '-o', 'out.tar');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      reference: image,
      digest: expect.stringMatching(/^sha256:/),
      path: '/',
      files: 4,
      size: 3_000_002,
      output: 'out.tar',
      verified: true,
      bytesFetched: 0,
      elapsedMs: expect.any(Number),
    });
  });

  it('replaces an older file when the new one is complete', async () => {
    writeFileSync(path('out.tar'), 'old');
    expect(await layerslayer('export', `oci:${path('none')}`, '-o', 'out.tar')).not.toMatchObject({
      status: 0,
    });
    expect(readFileSync(path('out.tar'), 'utf8')).toBe('old');
    expect(await layerslayer('export', image, '-o', 'out.tar')).toMatchObject({ status: 0 });
    expect(await names('out.tar')).toEqual(NAMES);
  });

  it('ends quietly when the reader ends', async () => {
    const script = '"$@" | head -c 1000 >/dev/null; echo "$PIPESTATUS"';
    const words = [...place.program, 'export', image];
    const ended = await attempt('bash', ['-c', script, 'bash', ...words], { env: place.env });
    expect(ended).toMatchObject({ stdout: '0\n', stderr: '' });
  });

  it('leaves nothing on a full disk, nor for a damaged layer', async () => {
    const disk = place.directory('disk');
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      expect(await layerslayer('export', image, '-o', 'disk/out.tar')).toMatchObject({
        status: 17,
        stdout: '',
        stderr: 'layerslayer: writing disk/out.tar: no space left on device\n',
      });
      expect(readdirSync(disk)).toEqual([]);
      const script = '"$@" > disk/out.tar';
      const words = [...place.program, 'export', image];
      const redirected = await attempt('bash', ['-c', script, 'bash', ...words], {
        cwd: place.scratch,
        env: place.env,
      });
      expect(redirected).toMatchObject({
        status: 17,
        stderr: 'layerslayer: writing to stdout: no space left on device\n',
      });
    } finally {
      await run('umount', [disk]);
    }
    // Indexed by now: the damage is met when the file's bytes are read.
    const blobs = path('layout/blobs/sha256');
    const largest = readdirSync(blobs).find((name) => statSync(join(blobs, name)).size > 2_000_000)!;
    const damaged = readFileSync(join(blobs, largest));
    damaged.fill(0x55, 2_000_000, 2_001_000);
    writeFileSync(join(blobs, largest), damaged);
    expect(await layerslayer('export', image, '-o', 'out.tar')).toMatchObject({ status: 14, stdout: '' });
    expect(made()).toEqual(['disk']);
  });

  it('leaves nothing when it is interrupted', async () => {
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      proxy.rules.push({ path: /blobs/, nth: 2, fault: stallAfter(1000) });
      let pid = 0;
      const ending = place.layerslayer(['export', `${proxy.host}/app`, '-o', 'out.tar'], {
        cwd: place.scratch,
        started: (its) => {
          pid = its;
        },
      });
      await until(
        () => made().length > 0,
        10_000,
        () => 'no archive was begun',
      );
      process.kill(pid, 'SIGINT');
      expect(await ending).toMatchObject({ status: 130, stdout: '', stderr: 'layerslayer: interrupted\n' });
      expect(made()).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  it.each([
    ['export to a fifo', ['export', 'IMAGE', '-o', 'fifo'], ''],
    ['export to stdout', ['export', 'IMAGE'], '>fifo'],
    ['cp to a fifo', ['cp', 'IMAGE', '/large', 'fifo'], ''],
    ['cat', ['cat', 'IMAGE', '/large'], '>fifo'],
    ['save to a fifo', ['save', '--format', 'docker-archive', 'IMAGE', '-o', 'fifo'], ''],
  ])('ends at Ctrl-C though its reader takes nothing: %s', async (_, words, redirection) => {
    await run('mkfifo', [path('fifo')]);
    const reader = openSync(path('fifo'), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      let pid = 0;
      const given = words.map((word) => (word === 'IMAGE' ? image : word));
      const ending = attempt('bash', ['-c', `exec "$@" ${redirection}`, 'bash', ...place.program, ...given], {
        cwd: place.scratch,
        env: place.env,
        started: (its) => {
          pid = its;
        },
      });
      // The first byte that can be read says that the pipe fills up.
      await until(
        () => takesByte(reader),
        10_000,
        () => 'nothing was written',
      );
      await sleep(200);
      const startMs = performance.now();
      process.kill(pid, 'SIGINT');
      expect(await ending).toMatchObject({ status: 130, stdout: '', stderr: 'layerslayer: interrupted\n' });
      // 0.5 s for stdout, in which its reader may take more. The rest is for a loaded machine.
      expect(performance.now() - startMs).toBeLessThan(2000);
      expect(made()).toEqual(['fifo']);
    } finally {
      closeSync(reader);
    }
  });

  it('shows no tar on a terminal', async () => {
    const options = { cwd: place.scratch, env: place.env, columns: 120 };
    const terminal = new Terminal(place.scratch, [...place.program, 'export', image], options);
    try {
      const screen = await terminal.shows(/status=/);
      expect(screen).toContain('layerslayer: a terminal can not show a tar: -o FILE, or a pipe');
      expect(screen).toContain('status=2');
    } finally {
      terminal.close();
    }
  });

  it.each([
    [['--json', 'IMAGE'], 'a tar on stdout and --json exclude each other: -o FILE'],
    [['--layer', '0', 'IMAGE'], 'not a layer'],
    [['IMAGE', 'more'], 'more'],
  ])('refuses %j', async (words, message) => {
    const ended = await layerslayer('export', ...words.map((word) => (word === 'IMAGE' ? image : word)));
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain(message);
    expect(existsSync(place.cache)).toBe(false);
  });
});
