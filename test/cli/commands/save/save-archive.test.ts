import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../support/child.js';
import { corruptAt, FaultProxy, stallAfter } from '../../../support/fault-proxy.js';
import { Workplace } from '../../../support/mounts.js';
import {
  type PushedImage,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { file, tarOf } from '../../../support/tar.js';
import { readTar } from '../../../support/tar-oracle.js';
import { Terminal } from '../../../support/terminal.js';
import { compressZstd } from '../../../support/zstd.js';

const BASE = tarOf(file('a', 'base '.repeat(300_000)));
const TOP = tarOf(file('b', 'top'));
const PLAIN = tarOf(file('c', 'plain'));
const zstd = { bytes: compressZstd(TOP), diffId: sha256(TOP) };

/** Images and their diff_ids, base first. */
const IMAGES = {
  gzip: { layers: [gzipSync(BASE), gzipSync(TOP)], diffIds: [BASE, TOP].map(sha256) },
  docker: { layers: [gzipSync(BASE), gzipSync(TOP)], docker: true, diffIds: [BASE, TOP].map(sha256) },
  // The third layer is the first one, the fifth is it in other words.
  mixed: {
    layers: [gzipSync(BASE), zstd, gzipSync(BASE), PLAIN, gzipSync(BASE, { level: 1 })],
    diffIds: [BASE, TOP, BASE, PLAIN, BASE].map(sha256),
  },
  none: { layers: [], config: { history: [{ created_by: 'ENV a=b', empty_layer: true }] }, diffIds: [] },
};
type Name = keyof typeof IMAGES;
const NAMES = Object.keys(IMAGES) as Name[];

let registry: TestRegistry;
const pushed = {} as Record<Name, PushedImage>;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  for (const name of NAMES) pushed[name] = await pushImage(registry, `test/app:${name}`, IMAGES[name]);
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const at = (path: string) => join(place.scratch, path);
const image = (tag: string, host = registry.host) => `${host}/test/app:${tag}`;
const save = (args: readonly string[], options = {}) =>
  place.layerslayer(['save', ...args], { cwd: place.scratch, ...options });
const saveAs = (format: string, source: string, ...args: string[]) =>
  save(['--format', format, '-o', 'x.tar', source, ...args]);
const digests = (layers: readonly { digest: string }[]) => layers.map(({ digest }) => digest);
/** What is in the directory of the archive, besides the places of tests. */
const left = () =>
  readdirSync(place.scratch).filter((name) => !['home', 'tmp', 'cache', 'state'].includes(name));

/** The image as skopeo copies it, without a change: its manifest. */
async function bySkopeo(source: string) {
  const copy = at(`copy-${readdirSync(place.scratch).length}`);
  await run('skopeo', ['copy', '-q', '--insecure-policy', source, `dir:${copy}`]);
  return JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8')) as PushedImage['manifest'];
}

async function expectDockerArchive(path: string, name: Name): Promise<void> {
  const { config, layers } = await bySkopeo(`docker-archive:${at(path)}`);
  expect(config.digest).toBe(pushed[name].manifest.config.digest);
  expect(digests(layers)).toEqual(IMAGES[name].diffIds);
}

describe('save --format docker-archive', () => {
  it.each(NAMES)('writes %s as skopeo and docker read it', async (name) => {
    const { status, stdout, stderr } = await saveAs('docker-archive', image(name));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { layers, config } = pushed[name].manifest;
    expect(stdout).toMatch(
      new RegExp(
        `@${pushed[name].digest} \\(linux/\\w+\\): ${layers.length} layers?, .* in docker-archive:x.tar, `,
      ),
    );
    await expectDockerArchive('x.tar', name);
    const members = await readTar(readFileSync(at('x.tar')));
    const files = IMAGES[name].diffIds.map((diffId) => `${diffId.slice(7)}.tar`);
    const configName = `${config.digest.slice(7)}.json`;
    expect(members.map(({ path }) => path)).toEqual([...new Set(files), configName, 'manifest.json']);
    expect(JSON.parse(members.at(-1)!.content)).toEqual([
      { Config: configName, RepoTags: [image(name)], Layers: files },
    ]);
  });

  it('has no name of an image by its digest', async () => {
    const { digest } = pushed.gzip;
    expect(await saveAs('docker-archive', `${registry.host}/test/app:gzip@${digest}`)).toMatchObject({
      status: 0,
    });
    const members = await readTar(readFileSync(at('x.tar')));
    expect(JSON.parse(members.at(-1)!.content)[0].RepoTags).toEqual([]);
    await expectDockerArchive('x.tar', 'gzip');
  });

  it('writes what we read', async () => {
    await saveAs('docker-archive', image('mixed'));
    const { stdout } = await place.layerslayer(['carve', '-o', '-', 'docker-archive:x.tar', '/b'], {
      cwd: place.scratch,
    });
    expect(stdout).toBe('top');
  });
});

describe('save --format oci-archive', () => {
  it.each(NAMES)('writes %s with all blobs as they are', async (name) => {
    const { status, stdout, stderr } = await saveAs('oci-archive', image(name));
    const { manifest, digest } = pushed[name];
    const isDocker = name === 'docker';
    expect([status, stderr]).toEqual([
      0,
      isDocker ? expect.stringContaining("its manifest is docker's") : '',
    ]);
    expect(stdout).toContain(` in oci-archive:x.tar:${name}, `);
    const copied = await bySkopeo(`oci-archive:${at('x.tar')}:${name}`);
    expect(copied.config.digest).toBe(manifest.config.digest);
    expect(digests(copied.layers)).toEqual(digests(manifest.layers));
    const inspected = await place.layerslayer(['inspect', '--json', 'oci-archive:x.tar'], {
      cwd: place.scratch,
    });
    const found = JSON.parse(inspected.stdout) as { digest: string };
    expect(found.digest === digest).toBe(!isDocker);
    const members = await readTar(readFileSync(at('x.tar')));
    const names = members.map(({ path }) => path);
    expect(names).toHaveLength(new Set(names).size);
    expect([names[0], names[1], names.at(-1)]).toEqual(['blobs/', 'blobs/sha256/', 'index.json']);
  });
});

describe('an archive of an image on this machine', () => {
  it.each([
    ['an OCI layout', 'oci:in:v1'],
    ['an oci-archive', 'oci-archive:in:v1'],
    ['a docker-archive', 'docker-archive:in:example.com/app:v1'],
  ])('is written of %s that skopeo wrote', async (_, source) => {
    const from = ['--src-tls-verify=false', `docker://${image('gzip')}`];
    const [kind, ...rest] = source.split(':');
    await run('skopeo', [
      'copy',
      '-q',
      '--insecure-policy',
      ...from,
      `${kind}:${at('in')}:${rest.slice(1).join(':')}`,
    ]);
    expect(await saveAs('docker-archive', source)).toMatchObject({ status: 0, stderr: '' });
    await expectDockerArchive('x.tar', 'gzip');
    const [{ RepoTags }] = JSON.parse((await readTar(readFileSync(at('x.tar')))).at(-1)!.content);
    expect(RepoTags).toEqual(kind === 'docker-archive' ? ['example.com/app:v1'] : []);
    expect(await saveAs('oci-archive', source, '--force')).toMatchObject({ status: 0, stderr: '' });
    const copied = await bySkopeo(`oci-archive:${at('x.tar')}`);
    expect(copied.config.digest).toBe(pushed.gzip.manifest.config.digest);
    const compressed = digests(pushed.gzip.manifest.layers);
    expect(digests(copied.layers)).toEqual(kind === 'docker-archive' ? IMAGES.gzip.diffIds : compressed);
  });
});

describe('-o of an archive', () => {
  it.each(['docker-archive', 'oci-archive'])(
    '- is the same %s on stdout, as is no -o in a pipe',
    async (format) => {
      await saveAs(format, image('mixed'));
      const archive = readFileSync(at('x.tar'), 'latin1');
      for (const output of [['-o', '-'], []]) {
        const ended = await save(['--format', format, ...output, image('mixed')]);
        expect(ended.status).toBe(0);
        expect(ended.stdout === archive).toBe(true);
        expect(ended.stderr).toMatch(new RegExp(` in an? ${format} on stdout, `));
      }
      expect([readdirSync(place.temporary), left()]).toEqual([[], ['x.tar']]);
    },
  );

  it('replaces a file only with --force, and no directory', async () => {
    writeFileSync(at('x.tar'), 'mine');
    const refused = { status: 17, stdout: '', stderr: expect.stringContaining('--force replaces it') };
    expect(await saveAs('oci-archive', image('gzip'))).toMatchObject(refused);
    expect(readFileSync(at('x.tar'), 'utf8')).toBe('mine');
    expect(await saveAs('oci-archive', image('gzip'), '--force')).toMatchObject({ status: 0 });
    expect(statSync(at('x.tar')).size).toBeGreaterThan(1024);
    mkdirSync(at('folder'));
    expect(await save(['--format', 'oci-archive', '--force', '-o', 'folder', image('gzip')])).toMatchObject({
      status: 17,
      stderr: expect.stringContaining('is a directory'),
    });
    expect(left().sort()).toEqual(['folder', 'x.tar']);
  });

  it('may be a symlink, a device or a fifo, which stay what they are', async () => {
    mkdirSync(at('real'));
    symlinkSync('real/new.tar', at('link'));
    execFileSync('mkfifo', [at('fifo')]);
    expect(await save(['--format', 'oci-archive', '-o', 'link', image('gzip')])).toMatchObject({ status: 0 });
    const archive = readFileSync(at('real/new.tar'));
    const script =
      'cat fifo >copy & "$@" -o fifo && wait && "$@" -o /dev/null && "$@" -o /dev/stdout | cat >piped && ls -l fifo /dev/null';
    const command = [...place.program, 'save', '--format', 'oci-archive', image('gzip')];
    const { stdout } = await run('bash', ['-c', script, 'bash', ...command], {
      cwd: place.scratch,
      env: place.env,
    });
    expect(stdout).toMatch(/^crw.* \/dev\/null\nprw.* fifo\n$/);
    expect(readFileSync(at('copy')).equals(archive)).toBe(true);
    expect(readFileSync(at('piped')).equals(archive)).toBe(true);
    expect(readdirSync(at('real'))).toEqual(['new.tar']);
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it.each([
    [['-o', 'missing/x.tar'], {}, 'ENOENT|no such file'],
    [['-o', '-'], { TMPDIR: '/proc/none' }, 'set TMPDIR'],
  ])('%j needs a directory that is there', async (output, env, message) => {
    const ended = await save(['--format', 'oci-archive', ...output, image('gzip')], { env });
    expect([ended.status, ended.stdout]).toEqual([17, '']);
    expect(ended.stderr).toMatch(new RegExp(message));
  });

  it('is not a terminal', async () => {
    const command = [...place.program, 'save', '--format', 'docker-archive', image('gzip')];
    const terminal = new Terminal(place.scratch, command, { cwd: place.scratch, env: place.env });
    try {
      expect(await terminal.left()).toMatchObject({ status: 2 });
      expect(terminal.screen()).toContain('writes no archive to a terminal');
    } finally {
      terminal.close();
    }
  });

  it.each([
    ['stdout', '-o - >/dev/full', /writing to stdout: no space left/],
    // The first layer fills this file system before the second one comes.
    [
      'a file',
      '-o full/x.tar',
      /no space left.* on \/.*\/full\n|writing \/.*\/full(\/x.tar)?: no space left/,
    ],
  ])('may be a full disk: %s', async (_, output, message) => {
    mkdirSync(at('full'));
    const command = [...place.program, 'save', '--format', 'docker-archive', image('mixed')];
    const script = `mount -t tmpfs -o size=2m none full; "$@" ${output}; echo "status=$?"; ls -A full`;
    const args = ['-m', 'bash', '-c', script, 'bash', ...command];
    const { stdout, stderr } = await run('unshare', args, { cwd: place.scratch, env: place.env });
    expect(stdout).toBe('status=17\n');
    expect(stderr).toMatch(message);
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it('may have a reader that leaves', async () => {
    const command = [...place.program, 'save', '--format', 'docker-archive', '-o', '-', image('mixed')];
    const script = '"$@" | head -c 1000 | wc -c; echo $PIPESTATUS'; // of the first command
    const { stdout, stderr } = await run('bash', ['-c', script, 'bash', ...command], { env: place.env });
    expect([stdout, stderr]).toEqual(['1000\n0\n', '']);
    expect(readdirSync(place.temporary)).toEqual([]);
  });
});

describe('an archive that fails', () => {
  const LIAR = { bytes: gzipSync(TOP), diffId: sha256(BASE) };
  const CUT = { bytes: gzipSync(BASE).subarray(0, -20), diffId: sha256(BASE) };
  const XZ = { bytes: Buffer.from('\xfd7zXZ\0 and so on', 'latin1'), diffId: sha256(TOP) };
  it.each([
    [
      'a layer that is not its diff_id',
      [BASE, LIAR],
      {},
      14,
      /layer 2: decompressing it: got .*, want diff_id sha256:/,
    ],
    ['a layer that is cut short', [CUT, TOP], {}, 15, /layer 1: /],
    ['a layer in xz', [XZ], {}, 16, /layer 1: .*compressed with xz/],
    [
      'fewer diff_ids than layers',
      [BASE, TOP],
      { rootfs: { diff_ids: [sha256(BASE)] } },
      16,
      /1 diff_ids for 2 layers/,
    ],
  ])('of %s leaves nothing', async (_, layers, config, status, message) => {
    const { digest } = await pushImage(registry, 'test/bad', { layers, config });
    const source = `${registry.host}/test/bad@${digest}`;
    const ended = await saveAs('docker-archive', source);
    expect([ended.status, ended.stdout]).toEqual([status, '']);
    expect(ended.stderr).toMatch(message);
    expect(left()).toEqual([]);
    // Its blobs are right: an oci-archive says nothing of what is in them.
    expect(await saveAs('oci-archive', source)).toMatchObject({ status: 0 });
  });

  it.each(['docker-archive', 'oci-archive'])(
    'by wrong bytes of a layer is no %s, on stdout neither',
    async (format) => {
      const wrong = pushed.mixed.manifest.layers[3]!.digest;
      const rules = [{ path: new RegExp(`blobs/${wrong}`), fault: corruptAt(9) }];
      const proxy = await FaultProxy.start({ target: registry.url, rules });
      try {
        const source = image('mixed', proxy.host);
        expect(await saveAs(format, source)).toMatchObject({
          status: 14,
          stdout: '',
          stderr: expect.stringContaining('layer 4: '),
        });
        const { status, stdout } = await save(['--format', format, source]);
        expect(status).toBe(14);
        expect(stdout).not.toMatch(/manifest\.json|index\.json/);
        expect([left(), readdirSync(place.temporary)]).toEqual([[], []]);
      } finally {
        await proxy.stop();
      }
    },
  );

  it('while its reader takes nothing more leaves nothing', async () => {
    const [command = '', ...first] = place.program;
    const args = [...first, 'save', '--format', 'docker-archive', image('gzip')];
    const child = spawn(command, args, { env: place.env, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(child, 'exit');
    await once(child.stdout, 'readable'); // takes a part, and leaves the rest
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it.each([
    ['by Ctrl-C', ['SIGINT']],
    ['by two signals at once', ['SIGINT', 'SIGTERM']],
  ] as const)('%s leaves nothing', async (_, signals) => {
    const slow = pushed.gzip.manifest.layers[0]!.digest;
    const rules = [{ path: new RegExp(`blobs/${slow}`), fault: stallAfter(100) }];
    const proxy = await FaultProxy.start({ target: registry.url, rules });
    let pid = 0;
    const interrupt = setInterval(() => {
      if (!proxy.seen.some(({ path }) => path.includes(slow))) return;
      clearInterval(interrupt);
      for (const signal of signals) process.kill(pid, signal);
    }, 50);
    try {
      const started = (id: number) => {
        pid = id;
      };
      const args = ['--format', 'docker-archive', '-o', 'x.tar', image('gzip', proxy.host)];
      const { status, stdout } = await save(args, { started });
      // Of two signals that wait, the handler of the second may run first. (signal(7))
      expect([[130, 143].slice(0, signals.length), stdout]).toEqual([expect.arrayContaining([status]), '']);
      expect(left()).toEqual([]);
    } finally {
      clearInterval(interrupt);
      await proxy.stop();
    }
  });
});

describe('the words of save', () => {
  it('take the directory of a layout from -o too', async () => {
    expect(await save(['--format', 'oci', '-o', 'out', image('gzip')])).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(digests((await bySkopeo(`oci:${at('out')}:gzip`)).layers)).toEqual(
      digests(pushed.gzip.manifest.layers),
    );
  });

  it('tell programs what an archive has', async () => {
    const { stdout } = await saveAs('docker-archive', image('mixed'), '--json');
    const { layers, place: where } = JSON.parse(stdout);
    expect(where).toBe('docker-archive:x.tar');
    expect(
      layers.map((one: { layer: number; digest: string; path: string }) => [one.layer, one.digest, one.path]),
    ).toEqual(digests(pushed.mixed.manifest.layers).map((digest, i) => [i + 1, digest, at('x.tar')]));
  });

  it.each([
    [['--format', 'oci-archive', '--layer', '1', '-o', 'x.tar'], 'excludes --layer'],
    [['--format', 'docker-archive', '--json'], 'exclude each other'],
    [['--format', 'oci'], 'save wants IMAGE'], // the image is taken for the directory
    [['--format=oci', '-o', 'out', '--force'], '--force replaces an archive'],
    [['--force'], '--force replaces an archive'],
    [['--format', 'docker'], '--format is docker-archive, oci-archive, oci, not docker'],
    [['-o', 'x.tar'], 'use --format docker-archive -o x.tar'],
  ])('%j are wrong usage', async (args, message) => {
    const ended = await save([...args, image('gzip')]);
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain(message);
    expect(existsSync(at('x.tar'))).toBe(false);
  });
});
