import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt } from '../../../support/child.js';
import {
  dockerArchiveFiles,
  LayoutBuilder,
  named,
  writeArchive,
  writeDirectory,
} from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, file, hardlink, opaque, symlink, tarOf, whiteout } from '../../../support/tar.js';

const HISTORY = [
  { created_by: '/bin/sh -c #(nop) ADD file:0 in / ' },
  { created_by: 'ENV A=1', empty_layer: true },
  { created_by: 'RUN /bin/sh -c make  install # buildkit' },
  { created_by: 'RUN /bin/sh -c rm -r /var/cache # buildkit' },
];

const layers = [
  tarOf(
    dir('usr/'),
    dir('usr/lib/'),
    file('usr/lib/a.so', 'a'.repeat(3000)),
    dir('usr/bin/'),
    hardlink('usr/bin/a', 'usr/lib/a.so'),
    symlink('lib', 'usr/lib'),
    dir('var/'),
    dir('var/cache/'),
    file('var/cache/big', 'b'.repeat(50_000)),
    file('old', 'old'),
  ),
  tarOf(
    dir('var/'),
    dir('var/cache/'),
    file('var/cache/more', 'm'.repeat(2000)),
    file('old', 'older'),
    file(Buffer.from('odd\xff\n', 'latin1'), 'odd'),
  ),
  tarOf(
    dir('var/'),
    whiteout('var/cache'),
    whiteout('old'),
    dir('usr/lib/'),
    file('usr/lib/new', 'n'.repeat(1024)),
  ),
];

let registry: TestRegistry;
const place = new Workplace();
let image: string;

beforeAll(async () => {
  registry = await startRegistry();
  const layout = new LayoutBuilder();
  const built = layout.image(layers, { history: HISTORY });
  image = `oci:${writeDirectory(join(place.scratch, 'layout'), layout.top([named(built, 't')]))}:t`;
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

const du = (...args: string[]) => place.layerslayer(['du', ...args]);
const lines = (text: string) => text.split('\n').slice(0, -1);
const json = (text: string): Record<string, unknown>[] => lines(text).map((line) => JSON.parse(line));

/** The lines of a run that must succeed. */
async function listed(...args: string[]): Promise<string[]> {
  const ended = await du(...args);
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  return lines(ended.stdout);
}

describe('du', () => {
  it('prints sizes of directories, what is below before the directory', async () => {
    expect(await listed(image)).toEqual([
      '       0 B  /usr/bin',
      '   3.9 KiB  /usr/lib',
      '   3.9 KiB  /usr',
      '       0 B  /var',
      '   3.9 KiB  /',
    ]);
    expect(await listed('-b', '-a', '-d1', '--sort', 'size', image)).toEqual([
      '4024\t/usr',
      '7\t/lib',
      '3\t/odd\\xff\\x0a',
      '0\t/var',
      '4034\t/',
    ]);
  });

  it('takes an image of a registry and of an archive', async () => {
    await pushImage(registry, 'app:latest', { layers: layers.map((layer) => gzipSync(layer)) });
    const archive = writeArchive(
      join(place.scratch, 'app.tar'),
      dockerArchiveFiles([{ layers, tags: ['app:1'] }]),
    );
    for (const one of [`${registry.host}/app`, `docker-archive:${archive}`])
      expect(await listed('-b', '-d0', one)).toEqual(['4034\t/']);
  });

  it('follows PATH, and not what a pattern matches', async () => {
    expect(await listed('-b', image, '/lib')).toEqual(['4024\t/usr/lib']);
    expect(await listed('-b', image, '/usr/bin')).toEqual(['3000\t/usr/bin']);
    expect(await listed('-b', '-d0', image, '/[lu]*')).toEqual(['7\t/lib', '4024\t/usr', '4031\ttotal']);
  });

  it('has GNU’s -s, -h and --max-depth', async () => {
    expect(await listed('-sh', image)).toEqual(['   3.9 KiB  /']);
    expect(await listed('-bs', image, '/usr')).toEqual(['4024\t/usr']);
    expect(await listed('-b', '--max-depth', '0', image)).toEqual(['4034\t/']);
    expect(await listed('-b', '-s', '--max-depth=1', image, '/usr')).toHaveLength(3);
  });

  it('sums up several PATHs, and reports the one that is missing', async () => {
    expect(await listed('-bs', image, '/usr/bin', '/lib')).toEqual([
      '3000\t/usr/bin',
      '1024\t/usr/lib', // its hard link to what /usr/bin has counts once
      '4024\ttotal',
    ]);
    expect(await du('-bs', image, '/nope', '/usr')).toMatchObject({
      status: 10,
      stdout: '4024\t/usr\n',
      stderr: 'layerslayer: no such file in image: /nope\n',
    });
    expect(await du('--hidden', image, '/usr', '/var')).toMatchObject({ status: 2, stdout: '' });
  });

  it('names the layer that deletes a PATH', async () => {
    expect(await du(image, '/var/cache')).toMatchObject({
      status: 10,
      stdout: '',
      stderr:
        'layerslayer: no such file in image: /var/cache (layer 2 has it, layer 3 deletes it: --layer 2)\n',
    });
    expect(await listed('-b', '--layer', '2', image, '/var/cache')).toEqual(['2000\t/var/cache']);
  });

  it('tells what each layer brings with --layers', async () => {
    expect(await listed('--layers', '-d1', image)).toEqual([
      '      SIZE  LAYER  PATH',
      '   2.9 KiB      1  /usr',
      '   1.0 KiB      3  /usr',
      '       0 B      3  /var',
      '   2.9 KiB      1  /',
      '       3 B      2  /',
      '   1.0 KiB      3  /',
      '   3.9 KiB      -  total',
    ]);
  });

  it('gives programs a row a line', async () => {
    expect(json((await du('--json', '-d1', image, '/usr')).stdout)).toEqual([
      { path: '/usr/bin', bytes: 0, entries: 1 },
      { path: '/usr/lib', bytes: 4024, entries: 3 },
      { path: '/usr', bytes: 4024, entries: 5 },
    ]);
    const [row] = json(Buffer.from((await du('--json', '-a', image, '/odd*')).stdout, 'latin1').toString());
    expect(row).toEqual({
      path: '/odd\ufffd\n',
      pathBase64: Buffer.from('/odd\xff\n', 'latin1').toString('base64'),
      bytes: 3,
      entries: 1,
    });
    expect(json((await du('--json', '-d0', '--layers', image)).stdout)).toEqual([
      { path: '/', layer: 1, bytes: 3007, entries: 5 },
      { path: '/', layer: 2, bytes: 3, entries: 1 },
      { path: '/', layer: 3, bytes: 1024, entries: 3 },
    ]);
  });

  it('ends quietly when its reader does', async () => {
    const script = '"$0" "$@" | head -1; echo "$PIPESTATUS"';
    const ended = await attempt('bash', ['-c', script, ...place.program, 'du', image], { env: place.env });
    expect(ended).toMatchObject({ stdout: '       0 B  /usr/bin\n0\n', stderr: '' });
  });

  // Nothing listens there.
  it.each([
    [['--layers', '--hidden']],
    [['--layers', '--layer', '1']],
    [['--layer', 'x']],
    [['--depth', '-1']],
    [['--depth', 'all']],
    [['--sort', 'age']],
    [['--fail-above', 'much']],
    [['--fail-above', '101%']],
    [['--fail-above', '-5%']],
    [['--hidden', '--fail-above', '5%%']],
  ])('refuses %j before any network', async (args) => {
    expect(await du(...args, '127.0.0.1:1/none')).toMatchObject({ status: 2, stdout: '' });
  });
});

const DELETED = { addedBy: HISTORY[0]!.created_by, removedBy: HISTORY[3]!.created_by };
const ALL_BYTES = 3000 + 50_000 + 3 + 2000 + 5 + 3 + 1024;

describe('du --hidden', () => {
  it('prints what each layer hides, with the steps that added and removed it', async () => {
    expect(await listed('--hidden', image)).toEqual([
      'LAYER  HIDDEN BY  HOW       ENTRIES  SIZE',
      '1      2          replaced  1        3 B',
      '       added by:   ADD file:0 in /',
      '       removed by: RUN make install',
      '1      3          whiteout  1        48.8 KiB',
      '       added by:   ADD file:0 in /',
      '       removed by: RUN rm -r /var/cache',
      '2      3          whiteout  3        2.0 KiB',
      '       added by:   RUN make install',
      '       removed by: RUN rm -r /var/cache',
      '',
      '50.8 KiB of 54.7 KiB hidden (92.8%), 5 entries',
    ]);
  });

  it('lists the largest hidden files with -a --sort size', async () => {
    const shown = await listed('--hidden', '-a', '-b', '--sort', 'size', image);
    const from = shown.indexOf('      SIZE  LAYER  HIDDEN BY  HOW       PATH');
    expect(shown.slice(from + 1, from + 4)).toEqual([
      '     50000      1          3  whiteout  /var/cache/big',
      '     50000      1          3  whiteout  /var/cache',
      '     50000      1          3  whiteout  /var',
    ]);
  });

  it('gives programs a row a line, and the total last', async () => {
    expect(json((await du('--hidden', '--json', '-d1', image, '/var')).stdout)).toEqual([
      { path: '/var/cache', layer: 1, hiddenBy: 3, how: 'whiteout', bytes: 50_000, entries: 1, ...DELETED },
      {
        path: '/var/cache',
        layer: 2,
        hiddenBy: 3,
        how: 'whiteout',
        bytes: 2000,
        entries: 2,
        ...DELETED,
        addedBy: HISTORY[2]!.created_by,
      },
      { path: '/var', layer: 1, hiddenBy: 3, how: 'whiteout', bytes: 50_000, entries: 1, ...DELETED },
      {
        path: '/var',
        layer: 2,
        hiddenBy: 3,
        how: 'whiteout',
        bytes: 2000,
        entries: 2,
        ...DELETED,
        addedBy: HISTORY[2]!.created_by,
      },
      { total: { bytes: 52_000, entries: 3, layerBytes: ALL_BYTES, percent: (52_000 / ALL_BYTES) * 100 } },
    ]);
  });

  it('is of a PATH that is gone, of what a pattern matches, or of one layer', async () => {
    const total = async (...args: string[]) => (await listed('--hidden', '-b', ...args)).at(-1);
    expect(await total(image, '/var/cache')).toBe(`52000 of ${ALL_BYTES} hidden (92.8%), 3 entries`);
    expect(await total(image, '/**/[bo]*')).toBe(`50008 of ${ALL_BYTES} hidden (89.2%), 3 entries`);
    expect(await total('--layer', '2', image)).toBe('2005 of 2008 hidden (99.9%), 3 entries');
    expect(await total(image, '/lib')).toBe(`0 of ${ALL_BYTES} hidden (0.0%), 0 entries`);
    expect(await du('--hidden', image, '/none')).toMatchObject({
      status: 10,
      stdout: '',
      stderr: 'layerslayer: no such file in image: /none\n',
    });
    expect(await du('--hidden', image, '/none*')).toMatchObject({
      status: 10,
      stdout: '',
      stderr: 'layerslayer: no such file in image: /none* (the pattern matches nothing)\n',
    });
  });

  it('shows no steps if the history does not say which made a layer', async () => {
    const layout = new LayoutBuilder();
    const built = layout.image([tarOf(file('a/b', 'x')), tarOf(opaque('a'))], { history: HISTORY });
    const path = writeDirectory(join(place.scratch, 'unknown'), layout.top([named(built, 't')]));
    expect(await listed('--hidden', `oci:${path}:t`)).toEqual([
      'LAYER  HIDDEN BY  HOW     ENTRIES  SIZE',
      '1      2          opaque  1        1 B',
      '',
      '1 B of 1 B hidden (100.0%), 1 entry',
    ]);
  });
});

describe('--fail-above', () => {
  it('ends with 1 if the size of PATH is above, and says why', async () => {
    expect(await du('-d0', '-b', '--fail-above', '4033', image)).toEqual({
      status: 1,
      signal: null,
      stdout: '4034\t/\n',
      stderr: 'above the limit of 4033: /: 3.9 KiB\n',
    });
    expect(await listed('-d0', '-b', '--fail-above', '4034', image)).toEqual(['4034\t/']);
    const share = ((4024 / ALL_BYTES) * 100).toFixed(2);
    expect(await du('-d0', '--quiet', '--fail-above', '7%', image, '/usr')).toMatchObject({
      status: 1,
      stderr: `above the limit of 7%: /usr: 3.9 KiB, ${share}% of 54.7 KiB\n`,
    });
    expect(await du('-d0', '--fail-above', '7.5%', image, '/usr')).toMatchObject({ status: 0, stderr: '' });
  });

  it('ends with 1 if the hidden bytes are above', async () => {
    const above = await du('--hidden', '--json', '--quiet', '--fail-above', '92%', image);
    expect(above).toMatchObject({
      status: 1,
      stderr: 'above the limit of 92%: hidden below /: 50.8 KiB, 92.81% of 54.7 KiB\n',
    });
    expect(json(above.stdout).at(-1)).toHaveProperty('total.bytes', 52_008);
    expect(await du('--hidden', '--fail-above', '50KiB', image)).toMatchObject({ status: 1 });
    expect(await du('--hidden', '--fail-above', '51KiB', image)).toMatchObject({ status: 0, stderr: '' });
    expect(await du('--hidden', '--fail-above', '0', image, '/usr')).toMatchObject({ status: 0, stderr: '' });
  });
});
