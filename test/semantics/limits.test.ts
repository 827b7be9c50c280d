import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/child.js';
import { FaultProxy, status } from '../support/fault-proxy.js';
import { Workplace } from '../support/mounts.js';
import { OCI_MANIFEST, pushImage, sha256, startRegistry, type TestRegistry } from '../support/registry.js';
import { char, dir, file, gnuLongLink, gnuLongName, paxHeader, raw, symlink, tarOf } from '../support/tar.js';

/** Named limits, from both sides: what is just inside works, what is beyond is refused by name. */
const MIB = 1024 * 1024;
const MAX_LAYERS = 1024;
const REFUSED = [15, 16]; // the page leaves open which

const place = new Workplace();
let registry: TestRegistry;
let proxy: FaultProxy;

const LAYER = gzipSync(tarOf(file('a', 'a')));

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start({ target: registry.url });
});
afterAll(async () => {
  await place.cleanUp();
  await proxy?.stop();
  await registry?.stop();
});

/** An image of so many layers: two real ones around one that comes again and again. */
async function pushLayers(tag: string, count: number): Promise<string> {
  const empty = gzipSync(tarOf(file('again', 'again')));
  const layers = [LAYER, empty, gzipSync(tarOf(file('a', 'last')))];
  const image = await pushImage(registry, `library/parts:${tag}`, { layers });
  const [first, middle, last] = image.manifest.layers;
  const many = Array.from({ length: count }, (_, at) =>
    at === 0 ? first : at === count - 1 ? last : middle,
  );
  const [firstId, middleId, lastId] = (image.config.rootfs as { diff_ids: string[] }).diff_ids;
  const diffIds = many.map((_, at) => (at === 0 ? firstId : at === count - 1 ? lastId : middleId));
  await pushImage(registry, `library/parts:${tag}`, {
    layers,
    config: { rootfs: { type: 'layers', diff_ids: diffIds }, history: [] },
    manifest: { layers: many },
  });
  return `${registry.host}/library/parts:${tag}`;
}

const refused = async (reference: string) => {
  const ended = await place.layerslayer(['mount', reference, place.directory('refused')]);
  expect(ended.stdout).toBe('');
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  return ended;
};

describe('layers', () => {
  it('1024 are mounted', async () => {
    const mnt = await place.mount(await pushLayers('most', MAX_LAYERS), 'most');
    const { stdout } = await run('sh', ['-c', 'cat a again; getfattr --only-values -n layerslayer.index a'], {
      cwd: mnt,
    });
    expect(stdout).toBe(`lastagain${MAX_LAYERS}`);
    await place.unmount(mnt);
  });

  it('1025 are too many', async () => {
    const { status, stderr } = await refused(await pushLayers('more', MAX_LAYERS + 1));
    expect(REFUSED).toContain(status);
    expect(stderr).toMatch(/1025.*1024/);
  });

  it('none make an empty tree', async () => {
    await pushImage(registry, 'library/none:latest', { layers: [] });
    const mnt = await place.mount(`${registry.host}/library/none:latest`, 'none');
    const { stdout } = await run('sh', ['-c', 'ls -A; stat -c "%F %a %u %g %Y %i" .; stat -f -c %c .'], {
      cwd: mnt,
    });
    expect(stdout).toBe('directory 755 0 0 0 1\n1\n');
    await place.unmount(mnt);
  });
});

describe('what an archive may say', () => {
  it('is read up to the limits', async () => {
    const long = `${'n'.repeat(250)}/`.repeat(15);
    const layer = tarOf(
      paxHeader({ comment: 'x'.repeat(MIB - 100) }),
      file('pax', 'pax'),
      // Cleaned to a short name: 1 MiB of it is slashes.
      gnuLongName(`long${'/'.repeat(MIB - 20)}`),
      file('cut', 'long'),
      file(`${long}deep`, 'deep'),
      dir('components'),
      file(`components/${'d/'.repeat(4094)}f`, 'x'),
      symlink('target', 't'.repeat(4095)),
    );
    await pushImage(registry, 'library/large:latest', { layers: [gzipSync(layer)] });
    const mnt = await place.mount(`${registry.host}/library/large:latest`, 'large');
    const { stdout } = await run(
      'bash',
      ['-euc', 'cat pax long "$1"; readlink target | wc -c; find components | wc -l', 'bash', `${long}deep`],
      { cwd: mnt },
    );
    expect(stdout).toBe('paxlongdeep4096\n4096\n');
    await place.unmount(mnt);
  });
});

describe('an entry beyond a limit', () => {
  const comment = 'x'.repeat(MIB);
  const sparse = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '100' };
  const BEYOND: Uint8Array[] = [
    Buffer.concat([paxHeader({ comment }), file('records', 'x'.repeat(600))]),
    Buffer.concat([gnuLongName('n'.repeat(MIB + 1)), file('name', 'x')]),
    Buffer.concat([gnuLongLink('n'.repeat(MIB + 1)), symlink('target', 'y')]),
    file('map', raw(`400000\n${'0\n0\n'.repeat(400_000)}`), { pax: sparse }),
    file(`${'d/'.repeat(4096)}f`),
    file(`long/${'n'.repeat(256)}`),
    symlink('link', 't'.repeat(4096)),
    char('device', 2 ** 32, 1),
  ];
  const layer = tarOf(file('first', 'first'), ...BEYOND, file('last', 'last', { uid: 2 ** 32 - 1 }));
  let reference: string;
  beforeAll(async () => {
    await pushImage(registry, 'library/beyond:latest', { layers: [gzipSync(layer)] });
    reference = `${registry.host}/library/beyond:latest`;
  });

  it('is missing from the mount, and the rest is there', async () => {
    const mountpoint = place.directory('beyond');
    const { status, stdout, stderr } = await place.layerslayer(['mount', reference, mountpoint]);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/1 layer, 2 entries/)]);
    expect(stderr).toMatch(/warning: .*"records" at \d+: skipped: its PAX data has/);
    expect(stderr).toMatch(/warning: .*"last" at \d+: uid 4294967295 is shown as 65534/);
    const tree = await run('sh', ['-c', 'find . -mindepth 1 | sort; cat last; stat -c %u last'], {
      cwd: mountpoint,
    });
    expect(tree.stdout).toBe('./first\n./last\nlast65534\n');
    await place.unmount(mountpoint);
  });

  it.each<[string, string[]]>([
    ['read on the way', ['--cache-size', '0']],
    ['from the index', []],
  ])('is missing from peek and carve too, %s', async (_name, options) => {
    const out = async (...args: string[]) => {
      const { status, stdout, stderr } = await place.layerslayer([...args, ...options]);
      expect(status, stderr).toBe(0);
      return stdout;
    };
    const listed = (text: string) =>
      text.split('\n').filter((line) => line.includes('/first') || line.includes('/last'));
    for (const how of [[], ['--merged']]) {
      const text = await out('peek', '--simple', ...how, reference);
      expect(listed(text)).toHaveLength(2);
      expect(text).not.toMatch(/records|map|link|device|long|nnn/);
    }
    expect(await out('carve', '-o', '-', reference, '/last')).toBe('last');
    const gone = await place.layerslayer(['carve', '-o', '-', reference, '/link', ...options]);
    expect([gone.status, gone.stdout]).toEqual([10, '']);
  });
});

describe('a layer that expands to many entries', () => {
  /** VmHWM of the mount's daemon, in MiB. */
  async function peakOf(reference: string, name: string): Promise<{ peak: number; files: string }> {
    const mnt = await place.mount(reference, name);
    const mounts = JSON.parse((await place.layerslayer(['mounts', '--json'])).stdout) as {
      mountpoint: string;
      pid: number;
    }[];
    const { pid } = mounts.find(({ mountpoint }) => mountpoint === mnt)!;
    const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
    const { stdout } = await run('ls', [mnt]);
    await place.unmount(mnt);
    return { peak: Number(peak) / 1024, files: stdout };
  }

  it('a thousand paths of a megabyte take no memory', async () => {
    // As gzip members, so that the test compresses fifty, not a thousand: 1 MiB of gzip, 1 GB of
    // paths.
    const long = Buffer.concat([paxHeader({ path: 'a/'.repeat(500_000) }), file('long')]);
    const fifty = gzipSync(Buffer.concat(Array<Buffer>(50).fill(long)));
    const layer = Buffer.concat([...Array<Buffer>(20).fill(fifty), gzipSync(tarOf(file('short', 's')))]);
    const diffId = `sha256:${'0'.repeat(64)}`;
    await pushImage(registry, 'library/paths:latest', { layers: [{ bytes: layer, diffId }] });
    const { peak, files } = await peakOf(`${registry.host}/library/paths:latest`, 'paths');
    expect(files).toBe('short\n');
    expect(peak).toBeLessThan(300); // 2,016 when paths were stored until the merge
  });

  it('too many entries for the budget fail with the name of the limit', async () => {
    // 1 MiB of gzip, 460,000 entries; with names of 250 bytes they take more than 80 MiB.
    const name = Buffer.concat([gnuLongName(`${'n'.repeat(124)}/${'n'.repeat(125)}`), file('f')]);
    const many = gzipSync(Buffer.concat(Array<Buffer>(20_000).fill(name)));
    const layer = Buffer.concat([...Array<Buffer>(20).fill(many), gzipSync(tarOf(file('last')))]);
    const diffId = `sha256:${'0'.repeat(64)}`;
    await pushImage(registry, 'library/many:latest', { layers: [{ bytes: layer, diffId }] });
    const limit = 64 * MIB + 16 * layer.length;
    const { status, stderr } = await refused(`${registry.host}/library/many:latest`);
    expect(status).toBe(16);
    expect(stderr).toContain(`layer 1: `);
    expect(stderr).toContain(`the layer's tables take more than the limit of ${limit} bytes`);
  });
});

describe('what a registry may send', () => {
  it('a config of more than 8 MiB is refused', async () => {
    await pushImage(registry, 'library/config:latest', {
      layers: [LAYER],
      config: { comment: 'x'.repeat(8 * MIB) },
    });
    const { status, stderr } = await refused(`${registry.host}/library/config:latest`);
    expect(REFUSED).toContain(status);
    expect(stderr).toMatch(/8 ?MiB|8388608/);
  });

  it('a config of 7 MiB is read', async () => {
    await pushImage(registry, 'library/config:fine', {
      layers: [LAYER],
      config: { comment: 'x'.repeat(7 * MIB) },
    });
    const mnt = await place.mount(`${registry.host}/library/config:fine`, 'config');
    await place.unmount(mnt);
  });

  it('a manifest of more than 4 MiB is refused', async () => {
    const image = await pushImage(registry, 'library/manifest:latest', { layers: [LAYER] });
    const large = JSON.stringify({ ...image.manifest, annotations: { x: 'x'.repeat(4 * MIB) } });
    // The registry itself takes none so large.
    const path = /\/manifests\//;
    const headers = { 'docker-content-digest': sha256(large), 'content-type': OCI_MANIFEST };
    proxy.rules.push({ method: 'GET', path, fault: status(200, headers, large) });
    const length = { 'content-length': String(large.length) };
    proxy.rules.push({ method: 'HEAD', path, fault: status(200, { ...headers, ...length }) });
    const ended = await refused(`${proxy.host}/library/manifest:latest`);
    expect(REFUSED).toContain(ended.status);
    expect(ended.stderr).toMatch(/4 ?MiB|4194304/);
  });
});
