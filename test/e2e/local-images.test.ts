import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../blob/bytes.js';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { type BuiltLayer, type OciLayout, unpackLayout, writeLayout } from '../support/oci-layout.js';
import { OCI_LAYER_GZIP, OCI_LAYER_TAR, sha256 } from '../support/registry.js';
import { char, dir, file, hardlink, opaque, symlink, tarOf, whiteout } from '../support/tar.js';
import { compareListings, compareTrees, tellDifferences } from '../support/tree-compare.js';
import { listTree } from '../support/tree-listing.js';

/** Images in layouts and archives that skopeo and umoci made, against umoci's unpacking of them. No registry runs. */
const place = new Workplace();
const NOISE = noise(3_000_000);
const LAYERS = [
  tarOf(
    dir('./'),
    dir('etc/'),
    file('etc/passwd', 'root:x:0:0\n', { uid: 7, mtime: '1500000000.123456789' }),
    dir('d/'),
    file('d/old', 'old\n'),
    file('d/noise', NOISE, { mode: 0o4755, xattrs: { 'user.a': 'b' } }),
  ),
  tarOf(
    hardlink('d/noise-too', 'd/noise'),
    symlink('d/link', '/etc/passwd'),
    dir('dev/'),
    char('dev/null', 1, 3),
    whiteout('d/old'),
  ),
  tarOf(dir('etc/', { mode: 0o700 }), opaque('etc'), file('etc/new', NOISE.subarray(0, 700_000))),
];

let layout: OciLayout;
let oracle: string;
const path = (name: string) => join(place.scratch, name);
const skopeo = (...args: string[]) => run('skopeo', ['copy', '--quiet', ...args], { cwd: place.scratch });

beforeAll(async () => {
  const built: BuiltLayer[] = LAYERS.map((tar, i) => {
    const isPlain = i === 1;
    writeFileSync(path(`layer-${i}`), isPlain ? tar : gzipSync(tar, { level: 1 }));
    const mediaType = isPlain ? OCI_LAYER_TAR : OCI_LAYER_GZIP;
    return { path: path(`layer-${i}`), diffId: sha256(tar), mediaType };
  });
  layout = await writeLayout(path('layout'), 'v1', built);
  oracle = await unpackLayout(layout, path('oracle'));
  await skopeo('oci:layout:v1', 'oci-archive:oci.tar:v1');
  await skopeo('oci:layout:v1', 'docker-archive:docker.tar:example.org/demo:v1');
  copyFileSync(path('docker.tar'), path('docker:v1.tar'));
});
afterAll(() => place.cleanUp());
afterEach(async () => {
  for (const mountpoint of place.mounts()) await place.unmount(mountpoint);
});

/** What the images are called by a user in the scratch directory. */
const FORMS = [
  ['oci:layout', 'oci:%/layout'],
  ['oci:./layout/:v1', 'oci:%/layout:v1'],
  ['oci-archive:oci.tar:v1', 'oci-archive:%/oci.tar:v1'],
  ['docker-archive:docker.tar', 'docker-archive:%/docker.tar'],
  ['docker-archive:docker.tar:example.org/demo:v1', 'docker-archive:%/docker.tar:example.org/demo:v1'],
  ['docker-archive:docker:v1.tar:example.org/demo:v1', 'docker-archive:%/docker:v1.tar:example.org/demo:v1'],
] as const;

const mount = (image: string, ...args: string[]) =>
  place.layerslayer(['mount', image, place.directory('mnt'), ...args], { cwd: place.scratch });

const sourceOf = async (mountpoint: string) =>
  (await run('findmnt', ['--noheadings', '--output', 'SOURCE', mountpoint])).stdout.trim();

describe.each(['docker-archive', 'oci-archive'])('save --format %s', (format) => {
  it.each(['oci:layout', 'oci-archive:oci.tar:v1', 'docker-archive:docker.tar'])(
    'of %s has the tree that umoci unpacks',
    async (image) => {
      const directory = mkdtempSync(path('saved-'));
      const ended = await place.layerslayer(
        ['save', '--format', format, '-o', join(directory, 'x.tar'), image],
        {
          cwd: place.scratch,
        },
      );
      expect([ended.status, ended.stderr]).toEqual([0, '']);
      await skopeo(`${format}:${directory}/x.tar`, `oci:${directory}/copy:v1`);
      const copied = { ...layout, directory: join(directory, 'copy') };
      const tree = await unpackLayout(copied, join(directory, 'tree'));
      expect(tellDifferences(compareListings(await listTree(tree), await listTree(oracle)))).toBe('');
    },
  );
});

describe.each(FORMS)('%s', (image, canonical) => {
  it('is what umoci unpacks, and says where it comes from', async () => {
    const reference = canonical.replace('%', place.scratch);
    const ended = await mount(image);
    expect(ended.stderr).toBe('');
    const mnt = place.directory('mnt');
    const digest = /@(sha256:\w{64}) \(linux\/\w+, 3 layers, 14 entries\) on \S+, 0 B fetched in /.exec(
      ended.stdout,
    );
    expect(ended.stdout.startsWith(`${reference}@`)).toBe(true);
    expect(digest).not.toBeNull();
    if (image.startsWith('oci')) {
      const inspected = await run('skopeo', ['inspect', image], { cwd: place.scratch });
      expect(digest?.[1]).toBe(JSON.parse(inspected.stdout).Digest);
    }
    expect(await sourceOf(mnt)).toBe(reference);
    expect(tellDifferences(await compareTrees(mnt, oracle))).toBe('');
    const attribute = async (name: string, of: string) =>
      (await run('getfattr', ['-h', '--only-values', '--absolute-names', '-n', name, join(mnt, of)])).stdout;
    expect(await attribute('layerslayer.index', 'etc/new')).toBe('3');
    expect(await attribute('layerslayer.created_by', 'd/noise')).toBe('RUN step-1');
    // skopeo compresses plain layers on their way into an archive of the OCI's.
    const isSame = !image.startsWith('oci-archive');
    expect((await attribute('layerslayer.layer', 'd/link')) === sha256(LAYERS[1]!)).toBe(isSame);
    const listed = (await place.listed()).find(({ mountpoint }) => mountpoint === mnt);
    expect(listed).toMatchObject({ image: reference, bytesFetched: 0 });
  });

  it('is inspected, peeked into, carved from and saved', async () => {
    const output = mkdtempSync(path('out-'));
    const command = async (...words: string[]) => {
      const ended = await place.layerslayer([...words, image], { cwd: place.scratch });
      expect([words, ended.status]).toEqual([words, 0]);
      return ended.stdout;
    };
    const inspected = JSON.parse(await command('inspect', '--json'));
    expect(inspected.layers).toHaveLength(3);
    expect((await command('peek', '--merged', '--simple')).match(/\/d\/\S+/g)?.sort()).toEqual([
      '/d/link',
      '/d/noise',
      '/d/noise-too',
    ]);
    const carved = await place.layerslayer(['carve', '-o', output, image, '/d/noise-too'], {
      cwd: place.scratch,
    });
    expect(carved.status).toBe(0);
    expect(Buffer.compare(readFileSync(join(output, 'd/noise-too')), NOISE)).toBe(0);
    await command('save', '-o', output);
    const saved = readdirSync(output, { recursive: true, encoding: 'utf8' });
    for (const { digest } of inspected.layers)
      expect(saved.filter((name) => name.includes(digest.replace(':', '_')))).toHaveLength(1);
  });

  it('keeps indexes, and no second copy of what is on the disk', async () => {
    rmSync(place.cache, { recursive: true });
    expect((await mount(image)).status).toBe(0);
    await run('sh', ['-c', 'tar -c . | cat >/dev/null'], { cwd: place.directory('mnt') });
    await place.unmount(place.directory('mnt'));
    const kept = (folder: string) => {
      const path = join(place.cache, 'v2', folder); // made with its first file
      return existsSync(path) ? readdirSync(path, { recursive: true }).length : 0;
    };
    expect(kept('index')).toBeGreaterThan(3);
    expect(kept('pages')).toBe(0);
    const again = await mount(image, '--verbose');
    expect(again.status).toBe(0);
    expect(again.stderr.match(/^layer \d\/3: .*/gm)).toHaveLength(3);
    expect(again.stderr).not.toMatch(/^layer \d\/3: indexed/m);
  });
});

describe('what is on the disk changes', () => {
  const damaged = (name: string, change: (copy: string) => void) => {
    const copy = path('copy.tar');
    copyFileSync(path(name), copy);
    change(copy);
    return copy;
  };
  /** One bit of the large file, wherever it lies. */
  const flip = (copy: string, at: number) => {
    const fd = openSync(copy, 'r+');
    writeSync(fd, Buffer.from([0xa5, 0x5a, 0xff, 0x00]), 0, 4, at);
    closeSync(fd);
  };

  it.each([
    ['docker-archive', 'docker.tar'],
    ['oci-archive', 'oci.tar'],
  ])('%s, before it is mounted: DIGEST_MISMATCH that names the file', async (form, name) => {
    rmSync(place.cache, { recursive: true });
    const copy = damaged(name, (copy) => flip(copy, statSync(copy).size >> 1));
    const ended = await mount(`${form}:${copy}`, '--json');
    expect(ended.status).toBe(14);
    expect(JSON.parse(ended.stderr.trim().split('\n').at(-1)!).error.message).toContain(copy);
    expect(await place.leftovers()).toEqual([]);
  });

  it('while it is mounted: EIO, never wrong bytes', async () => {
    const copy = damaged('docker.tar', () => {});
    expect((await mount(`docker-archive:${copy}`)).status).toBe(0);
    const mnt = place.directory('mnt');
    const read = (name: string) => run('cmp', [join(mnt, name), join(oracle, name)]);
    await read('etc/new');
    flip(copy, 1_000_000);
    await expect(read('d/noise')).rejects.toThrow('Input/output error');
    truncateSync(copy, 500_000);
    await expect(read('d/noise')).rejects.toThrow('Input/output error');
    await run('ls', ['-lR', mnt]);
  });

  it('when another archive takes its place, the mount goes on', async () => {
    const copy = damaged('docker.tar', () => {});
    expect((await mount(`docker-archive:${copy}`)).status).toBe(0);
    rmSync(copy);
    writeFileSync(copy, 'something else');
    expect(tellDifferences(await compareTrees(place.directory('mnt'), oracle))).toBe('');
  });

  it('when a blob is gone that its index was kept of: NOT_FOUND', async () => {
    await run('cp', ['-a', path('layout'), path('layout-2')]);
    expect((await mount('oci:layout-2')).status).toBe(0);
    await place.unmount(place.directory('mnt'));
    const gone = join('blobs', layout.layers[0]!.digest.replace(':', '/'));
    rmSync(join(path('layout-2'), gone));
    const ended = await mount('oci:layout-2');
    expect([ended.status, ended.stderr]).toEqual([10, expect.stringContaining(`layout-2 has no ${gone}`)]);
  });
});

describe('what cannot be mounted', () => {
  it.each([
    ['oci:nowhere', 10, 'nowhere is no OCI layout'],
    ['oci:layout:v2', 10, ':v2: only oci:'],
    ['oci:', 2, 'the directory is missing'],
    ['docker-archive:docker.tar:x', 10, 'example.org/demo:v1'],
    ['oci-archive:docker.tar', 10, 'docker-archive:'],
  ])('%s: %d', async (image, status, message) => {
    const ended = await mount(image);
    expect([ended.status, ended.stderr]).toEqual([status, expect.stringContaining(message)]);
  });

  it('an image below its own mountpoint', async () => {
    const mnt = place.directory('mnt');
    await run('cp', ['-a', path('layout'), join(mnt, 'layout')]);
    const ended = await mount('oci:mnt/layout', '-o', 'nonempty');
    rmSync(join(mnt, 'layout'), { recursive: true });
    expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining('lies below the mountpoint')]);
  });
});
