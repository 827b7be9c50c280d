import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt } from '../../../support/child.js';
import { FaultProxy } from '../../../support/fault-proxy.js';
import { Workplace } from '../../../support/mounts.js';
import { type OciLayout, pushLayout, unpackLayout, writeLayout } from '../../../support/oci-layout.js';
import {
  OCI_LAYER_GZIP,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { char, dir, fifo, file, hardlink, symlink, tarOf, whiteout } from '../../../support/tar.js';

const KIB = 1024;
const LARGE = noise(6_000_000, 1);
const LAYERS = [
  tarOf(
    symlink('bin', 'usr/bin'),
    dir('etc/'),
    file('etc/first', 'first\n'),
    file('etc/passwd', 'old\n'),
    file('etc/gone', 'gone\n'),
    ...Array.from({ length: 40 }, (_, i) => file(`etc/conf.d/${i}.conf`, `${i}\n`)),
    dir('usr/bin/'),
    file('usr/bin/dash', Buffer.from([0, 1, 2, 0xff, 0x1b])),
    symlink('usr/bin/sh', 'dash'),
    hardlink('usr/bin/dash2', 'usr/bin/dash'),
    symlink('loop', 'loop'),
    fifo('run/pipe'),
    char('dev/null', 1, 3),
    file('empty', ''),
    file('large', LARGE),
    file('zz/last', 'last'),
    file('zz/pad', noise(400_000, 2)),
  ),
  tarOf(file('middle', 'middle\n'), file('pad', noise(300_000, 3))),
  tarOf(dir('etc/'), whiteout('etc/gone'), file('etc/passwd', 'new\n')),
].map((tar) => ({ tar, gzip: gzipSync(tar, { level: 1 }) }));

let place: Workplace;
let registry: TestRegistry;
let layout: OciLayout;
let oracle: string;
let proxy: FaultProxy;

beforeAll(async () => {
  place = new Workplace();
  registry = await startRegistry();
  const built = LAYERS.map(({ tar, gzip }, i) => {
    const path = join(place.scratch, `layer-${i}`);
    writeFileSync(path, gzip);
    return { path, diffId: sha256(tar), mediaType: OCI_LAYER_GZIP };
  });
  layout = await writeLayout(join(place.scratch, 'layout'), 'v1', built);
  oracle = await unpackLayout(layout, join(place.scratch, 'oracle'));
  await pushLayout(registry, layout, 'app:v1');
  execFileSync('skopeo', ['copy', '--quiet', 'oci:layout:v1', 'docker-archive:docker.tar:app:v1'], {
    cwd: place.scratch,
  });
});
afterAll(async () => {
  await registry?.stop();
  await place?.cleanUp();
});
beforeEach(async () => {
  proxy = await FaultProxy.start({ target: registry.url });
});
afterEach(() => proxy.stop());

let caches = 0;
/** Runs `cat` of the registry's image with a new cache. */
const catCold = (...words: string[]) =>
  cat('--cache-dir', `cache-${caches++}`, `${proxy.host}/app:v1`, ...words);
const cat = (...words: string[]) => place.layerslayer(['cat', ...words], { cwd: place.scratch });
const hash = (latin1: string) => createHash('sha256').update(latin1, 'latin1').digest('hex');
/** GNU cat in the unpacked tree. */
const gnuCat = (...paths: string[]) => execFileSync('cat', paths, { cwd: oracle, maxBuffer: 2 ** 26 });

/** Body bytes that were sent of a layer. */
function sent(layer: number): number {
  const { digest } = layout.layers[layer - 1]!;
  return proxy.requests(new RegExp(digest)).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
}

const unverified = /^not verified: \S+ [KM]iB of 6\.\d MiB read\n$/;

describe('cat', () => {
  it('reads a layer up to the file, which is said, and with --verify to its end', async () => {
    const ended = await catCold('/etc/first');
    expect(ended).toMatchObject({ status: 0, stdout: 'first\n', stderr: expect.stringMatching(unverified) });
    expect(sent(1)).toBeLessThanOrEqual(128 * KIB);
    expect(await catCold('--verify', '/etc/first')).toMatchObject({
      status: 0,
      stdout: 'first\n',
      stderr: '',
    });
    expect((await catCold('/etc/passwd')).stdout).toBe('new\n');
  });

  it('reads nothing of the layers below the answer', async () => {
    expect(await catCold('/middle')).toMatchObject({ status: 0, stdout: 'middle\n' });
    expect([sent(1), sent(3)]).toEqual([0, LAYERS[2]!.gzip.length]);
  });

  it('writes contents in the order of the paths, and passes no layer twice for that', async () => {
    const paths = [
      'zz/last',
      'etc/passwd',
      'large',
      'middle',
      'usr/bin/sh',
      'etc/first',
      'zz/last',
      'empty',
      'etc/first',
    ];
    const ended = await catCold(...paths);
    expect(ended.status).toBe(0);
    expect(hash(ended.stdout)).toBe(
      createHash('sha256')
        .update(gnuCat(...paths))
        .digest('hex'),
    );
    // The symlink `sh` comes after its target, which is read once more: a block.
    for (const [i, { gzip }] of LAYERS.entries())
      expect(sent(i + 1)).toBeLessThanOrEqual(gzip.length + 64 * KIB);
  });

  it('writes the same of a registry, a layout and an archive, cold and indexed', async () => {
    const files = [
      '/etc/passwd',
      '/large',
      '/bin/dash',
      '/usr/bin/dash2',
      '/zz/last',
      '/zz/pad',
      '/middle',
      '/pad',
    ];
    const wanted = createHash('sha256')
      .update(gnuCat(...files.map((path) => `.${path}`)))
      .digest('hex');
    const places = [
      ['oci:layout:v1'],
      ['docker-archive:docker.tar'],
      ['--cache-dir', 'shared', `${proxy.host}/app:v1`],
    ];
    for (const words of [...places, ...places]) {
      const ended = await cat(...words, ...files);
      expect([words, ended.status, hash(ended.stdout)]).toEqual([words, 0, wanted]);
    }
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it('takes patterns, in their place among the paths', async () => {
    const ended = await cat('oci:layout:v1', '/zz/last', '/etc/conf.d/1?.conf', '/etc/first');
    const numbers = Array.from({ length: 10 }, (_, i) => `${i + 10}\n`).join('');
    expect(ended).toMatchObject({ status: 0, stdout: `last${numbers}first\n` });
    // Braces are tried as a path first.
    const braces = await catCold('/etc/{first,passwd}', '/middle');
    expect(braces).toMatchObject({ status: 0, stdout: 'first\nnew\nmiddle\n' });
  });

  it.each(['oci:layout:v1', 'registry'])(
    'reports what has no contents, and writes the rest: %s',
    async (from) => {
      const run = from === 'registry' ? catCold : (...words: string[]) => cat(from, ...words);
      const ended = await run(
        '/etc/gone',
        '/etc/first',
        '/etc',
        '/run/pipe',
        '/dev/null',
        '/loop',
        '/',
        '/etc/passwd',
      );
      expect(ended).toMatchObject({ status: 10, stdout: 'first\nnew\n' });
      const said = ended.stderr
        .split('\n')
        .filter((line) => line.startsWith('layerslayer: '))
        .sort();
      expect(said).toEqual([
        'layerslayer: "/" is a directory',
        'layerslayer: "/dev/null" is a character device: it has no contents to print',
        'layerslayer: "/etc" is a directory',
        'layerslayer: "/run/pipe" is a fifo: it has no contents to print',
        'layerslayer: no such file in image: /etc/gone (layer 1 has it, layer 3 deletes it: --layer 1)',
        'layerslayer: too many levels of symbolic links: /loop',
      ]);
    },
  );

  it('ends with the status of the first path that failed', async () => {
    expect(await cat('oci:layout:v1', '/etc', '/none')).toMatchObject({ status: 2, stdout: '' });
    expect(await cat('oci:layout:v1', '/none', '/etc')).toMatchObject({ status: 10, stdout: '' });
    expect(await cat('oci:layout:v1', '/etc/conf.*', '/none*')).toMatchObject({ status: 2, stdout: '' });
  });

  it('--layer takes one layer’s version', async () => {
    expect(await cat('--layer', '1', 'oci:layout:v1', '/etc/passwd', '/etc/gone')).toMatchObject({
      ...{ status: 0, stdout: 'old\ngone\n' },
    });
    expect((await cat('--layer', '2', 'oci:layout:v1', '/etc/passwd')).stderr).toBe(
      'layerslayer: no such file in layer 2: /etc/passwd\n',
    );
  });

  it('refuses --json, since stdout has the contents', async () => {
    const ended = await cat('--json', 'oci:layout:v1', '/etc/first');
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(JSON.parse(ended.stderr).error.code).toBe('INVALID_ARGUMENT');
  });

  it('ends quietly when the reader ends', async () => {
    const script = '"$@" | head -c 3; echo " $PIPESTATUS"';
    const words = ['cat', 'oci:layout:v1', '/etc/first', '/large', '/zz/last'];
    const ended = await attempt('bash', ['-c', script, 'bash', ...place.program, ...words], {
      cwd: place.scratch,
      env: place.env,
    });
    expect(ended).toMatchObject({ stdout: 'fir 0\n', stderr: '' });
  });

  it('writes what upper layers have if a lower one is damaged, and says so', async () => {
    const broken = Buffer.from(LAYERS[0]!.gzip);
    broken.fill(0x55, 20, 2_000);
    await pushImage(registry, 'broken:v1', {
      layers: [{ bytes: broken, diffId: sha256(LAYERS[0]!.tar) }, LAYERS[1]!.gzip, LAYERS[2]!.gzip],
    });
    const ended = await cat(`${proxy.host}/broken:v1`, '/etc/first', '/etc/passwd', '/middle');
    expect(ended).toMatchObject({ status: 15, stdout: 'new\nmiddle\n' });
    expect(ended.stderr).toMatch(/^layerslayer: layer 1/);
  });

  it('writes bytes to a terminal as they are, below no bar', () => {
    const command = `${[...place.program, 'cat', 'oci:layout:v1', '/bin/sh', '/etc/first'].join(' ')} 2>messages`;
    const shown = execFileSync('script', ['-qec', command, '/dev/null'], {
      cwd: place.scratch,
      env: place.env,
    });
    expect(shown).toEqual(Buffer.from('\x00\x01\x02\xff\x1bfirst\r\n', 'latin1'));
    expect(readFileSync(join(place.scratch, 'messages'), 'utf8')).toBe('');
  });
});
