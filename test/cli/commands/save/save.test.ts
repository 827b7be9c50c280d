import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt, type ChildOptions, run } from '../../../support/child.js';
import { corruptAt, drip, FaultProxy, resetAfter, stallAfter } from '../../../support/fault-proxy.js';
import { until, Workplace } from '../../../support/mounts.js';
import {
  type PushedImage,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { dir, file, tarOf } from '../../../support/tar.js';

/** Three layers: of three MiB and some, small, and not compressed. */
const LARGE = gzipSync(tarOf(dir('d/'), file('d/noise', noise(3_500_000, 1))), { level: 1 });
const SMALL = gzipSync(tarOf(file('small', 'small\n')));
const PLAIN = tarOf(file('plain', 'plain\n'));
const LAYERS = [LARGE, SMALL, PLAIN];
const PATHS = [`${stemOf(LARGE)}.tar.gz`, `${stemOf(SMALL)}.tar.gz`, `${stemOf(PLAIN)}.tar`];

function stemOf(bytes: Uint8Array): string {
  return `downloads/test/app/v1/${sha256(bytes).replace(':', '_')}`;
}
const PARTIAL = `${stemOf(LARGE)}.partial`;

let registry: TestRegistry;
let image: PushedImage;
let place: Workplace;
let proxy: FaultProxy;
let reference = '';

beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'test/app:v1', { layers: LAYERS });
});
afterAll(() => registry?.stop());
beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
  reference = `${proxy.host}/test/app:v1`;
});
afterEach(async () => {
  await place.cleanUp();
  await proxy.stop();
});

const save = (args: readonly string[] = [], options: ChildOptions = {}) =>
  place.layerslayer(['save', reference, ...args], { cwd: place.scratch, ...options });
const at = (path: string) => join(place.scratch, path);
const files = (path = 'downloads') =>
  readdirSync(at(path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(place.scratch.length + 1))
    .sort();
const ofLarge = new RegExp(`blobs/${sha256(LARGE)}`);
const fetched = (blob: RegExp) =>
  proxy.requests(blob).reduce((sum, { bodyBytes, method }) => sum + (method === 'GET' ? bodyBytes : 0), 0);

/** The bytes of every layer stand under its name, and nothing else does. */
function expectAll(): void {
  expect(files()).toEqual([...PATHS].sort());
  for (const [i, path] of PATHS.entries()) {
    expect(
      createHash('sha256')
        .update(readFileSync(at(path)))
        .digest('hex'),
    ).toBe(sha256(LAYERS[i]!).slice(7));
  }
}

describe('save', () => {
  it('saves everything when nobody reads what it says', async () => {
    const script = '"$@" | true; echo "$PIPESTATUS"';
    const args = ['-c', script, 'bash', ...place.program, 'save', reference];
    const ended = await attempt('bash', args, { cwd: place.scratch, env: place.env });
    expect(ended).toMatchObject({ stdout: '0\n', stderr: '' });
    expectAll();
  });

  it('keeps each layer as it is, and says where', async () => {
    const { status, stdout, stderr } = await save();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.slice(0, 3).sort()).toEqual([
      `layer 1/3: ${PATHS[0]} (3.3 MiB, saved)`,
      `layer 2/3: ${PATHS[1]} (${SMALL.length} B, saved)`,
      `layer 3/3: ${PATHS[2]} (${(PLAIN.length / 1024).toFixed(1)} KiB, saved)`,
    ]);
    expect(lines[3]).toMatch(
      `${reference}@${image.digest} (linux/amd64): 3 layers, 3.3 MiB in downloads/test/app/v1, 3.3 MiB fetched in `,
    );
    expectAll();
  });

  it('takes layers of every type, as inspect does', async () => {
    const layers = [
      'application/vnd.in-toto+json',
      'application/vnd.erofs',
      'application/x.tar+encrypted',
    ].map((mediaType, number) => ({ bytes: Buffer.from(`{"layer":${number}}`), mediaType }));
    await pushImage(registry, 'test/odd:v1', { layers });
    const odd = `${proxy.host}/test/odd:v1`;
    const shown = await place.layerslayer(['inspect', '--json', odd]);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      layers: layers.map(({ mediaType }) => ({ mediaType })),
    });
    const saved = await place.layerslayer(['save', odd], { cwd: place.scratch });
    expect([shown.status, saved.status, saved.stderr]).toEqual([0, 0, '']);
    const contents = files().map((path) => readFileSync(at(path), 'utf8'));
    expect(contents.sort()).toEqual(layers.map(({ bytes }) => bytes.toString()));
  });

  it('fetches what is there no second time', async () => {
    await save();
    const before = proxy.requests(/blobs\/sha256/).length;
    const { status, stdout } = await save(['--json']);
    const saved = JSON.parse(stdout) as { layers: object[]; bytesFetched: number };
    expect([status, saved.bytesFetched, proxy.requests(/blobs\/sha256/).length]).toEqual([0, 0, before]);
    expect(saved).toMatchObject({ reference, digest: image.digest, platform: 'linux/amd64' });
    expect(saved.layers).toEqual(
      LAYERS.map((bytes, i) => ({
        layer: i + 1,
        digest: sha256(bytes),
        size: bytes.length,
        path: at(PATHS[i]!),
        state: 'complete',
      })),
    );
  });

  it('takes the layers that are named, into the directory that is named', async () => {
    const { status } = await save(['--layer', '3', '--layer', sha256(SMALL), '--layer', '2', '-o', 'out']);
    expect(status).toBe(0);
    expect(files('out')).toEqual(
      PATHS.slice(1)
        .map((path) => path.replace('downloads', 'out'))
        .sort(),
    );
    expect(await save(['--layer', '4'])).toMatchObject({ status: 10, stdout: '' });
    expect(await save(['--layer', '0'])).toMatchObject({ status: 2, stdout: '' });
  });

  it('of a blob that is two layers saves one file', async () => {
    await pushImage(registry, 'test/twice:v1', { layers: [SMALL, PLAIN, SMALL] });
    const { status, stdout } = await place.layerslayer(['save', '--json', `${proxy.host}/test/twice:v1`], {
      cwd: place.scratch,
    });
    const { layers } = JSON.parse(stdout) as { layers: { layer: number; path: string }[] };
    expect([status, layers.map(({ layer }) => layer), files().length]).toEqual([0, [1, 2, 3], 2]);
    expect(layers[0]!.path).toBe(layers[2]!.path);
  });

  it('needs no network for pages that a mount has left', async () => {
    await place.unmount(await place.mount(reference));
    const before = fetched(/blobs/);
    const { status, stdout } = await save();
    expect([status, stdout.split('\n')[3]]).toEqual([0, expect.stringContaining(' 0 B fetched in ')]);
    expect(fetched(/blobs/)).toBe(before);
    expectAll();
  });

  it('trusts no page that a mount has left', async () => {
    await place.unmount(await place.mount(reference));
    const pages = (await run('find', [place.cache, '-type', 'f', '-path', '*/pages/*', '-size', '+1000k']))
      .stdout;
    const page = pages.split('\n')[0]!;
    const bytes = readFileSync(page);
    bytes[700_000] = bytes[700_000]! ^ 0xff;
    writeFileSync(page, bytes);
    const { status, stderr } = await save();
    expect([status, stderr]).toEqual([0, expect.stringMatching(/warning: .*trying once more/)]);
    expectAll();
  });
});

describe('an interrupted save', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)('by %s leaves what the next one goes on with', async (signal, status) => {
    const rule = { path: ofLarge, fault: stallAfter(1_500_000) };
    proxy.rules.push(rule);
    let pid = 0;
    const ending = save([], {
      started: (its) => {
        pid = its;
      },
    });
    const isUnderWay = () => existsSync(at(PARTIAL)) && statSync(at(PARTIAL)).size >= 1_000_000;
    await until(isUnderWay, 20_000, () => 'nothing was saved');
    process.kill(pid, signal);
    expect(await ending).toMatchObject({
      status,
      stderr: status === null ? '' : 'layerslayer: interrupted\n',
    });
    expect(files()).not.toContain(PATHS[0]);
    expect(files()).toContain(PARTIAL);

    proxy.rules.splice(0);
    const before = fetched(ofLarge);
    const again = await save();
    expect([again.status, again.stdout]).toEqual([
      0,
      expect.stringContaining('(3.3 MiB, resumed and saved)'),
    ]);
    expect(fetched(ofLarge) - before).toBeLessThan(LARGE.length - 1_000_000);
    expectAll();
  });

  it('by the network alone goes on by itself', async () => {
    proxy.rules.push({ path: ofLarge, nth: [1, 2], fault: resetAfter(700_000) });
    const { status } = await save();
    expect(status).toBe(0);
    expect(proxy.requests(ofLarge).length).toBe(3);
    expectAll();
  });

  it.each<[string, (path: string) => void]>([
    ['other bytes', (path) => writeFileSync(path, noise(1_000_000, 9))],
    ['more than the layer has', (path) => writeFileSync(path, Buffer.alloc(LARGE.length + 1))],
    ['all its bytes', (path) => writeFileSync(path, LARGE)],
    [
      'all its bytes, one of them wrong',
      (path) =>
        writeFileSync(
          path,
          LARGE.map((byte, i) => (i === 9 ? ~byte : byte)),
        ),
    ],
    ['nothing', (path) => writeFileSync(path, '')],
  ])('that left %s comes to the right end', async (_, leave) => {
    mkdirSync(at('downloads/test/app/v1'), { recursive: true });
    leave(at(PARTIAL));
    expect(await save()).toMatchObject({ status: 0 });
    expectAll();
  });

  it('by somebody who put a link there writes nowhere else', async () => {
    mkdirSync(at('downloads/test/app/v1'), { recursive: true });
    writeFileSync(at('victim'), 'mine');
    symlinkSync(at('victim'), at(PARTIAL));
    expect(await save()).toMatchObject({ status: 17, stderr: expect.stringContaining('layer 1: opening ') });
    expect(readFileSync(at('victim'), 'utf8')).toBe('mine');
  });
});

describe('two saves at once', () => {
  it('fetch a layer once', async () => {
    proxy.rules.push({ path: ofLarge, fault: drip(200_000, 20) });
    const both = await Promise.all([save(), save()]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    expect(fetched(ofLarge)).toBe(LARGE.length);
    expectAll();
  });
});

describe('bytes that are not the layer', () => {
  it('are fetched once more', async () => {
    proxy.rules.push({ path: ofLarge, nth: 1, fault: corruptAt(2_000_000) });
    const { status, stderr } = await save();
    expect([status, stderr]).toEqual([0, expect.stringContaining('trying once more')]);
    expectAll();
  });

  it('twice are never saved, and the other layers are', async () => {
    proxy.rules.push({ path: ofLarge, fault: corruptAt(2_000_000) });
    const { status, stderr, stdout } = await save(['--json']);
    expect(status).toBe(14);
    const [told] = stderr.split('\n');
    expect(JSON.parse(told!)).toMatchObject({
      error: { code: 'DIGEST_MISMATCH', message: expect.stringMatching(/^layer 1: saving sha256:/) },
    });
    const { layers } = JSON.parse(stdout) as { layers: { error?: { code: string } }[] };
    expect(layers.map(({ error }) => error?.code)).toEqual(['DIGEST_MISMATCH', undefined, undefined]);
    expect(files()).toEqual(PATHS.slice(1).sort());
  });

  it('under its name are replaced', async () => {
    await save();
    const bytes = readFileSync(at(PATHS[0]!));
    bytes[5] = bytes[5]! ^ 1;
    writeFileSync(at(PATHS[0]!), bytes);
    truncateSync(at(PATHS[1]!), 10);
    const { status, stderr } = await save();
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: .* is not sha256:.*saving it again\n$/),
    ]);
    expectAll();
  });
});

describe('a place that can take no more', () => {
  let disk = '';
  /** @param size of a disk that `downloads` is on */
  async function smallDisk(size: string): Promise<void> {
    disk = place.directory('downloads');
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
  }
  afterEach(async () => {
    if (disk !== '') await attempt('umount', ['-l', disk]);
    disk = '';
  });

  it('takes the layers that fit, and nothing is fetched, nor left, of those that do not', async () => {
    await smallDisk('2m');
    const { status, stderr } = await save();
    expect(status).toBe(17);
    expect(stderr).toMatch(
      /^layerslayer: layer 1: no space left: [\d.]+ MiB are wanted, [\d.]+ MiB is free on \/.*\/downloads\/.*\n$/,
    );
    expect(fetched(ofLarge)).toBe(0);
    expect(files()).toEqual(PATHS.slice(1).sort());
  });

  it('that is full in the middle has no part under a name, and is gone on with later', async () => {
    await smallDisk('8m');
    const rule = { path: ofLarge, nth: 1, fault: drip(100_000, 20) };
    proxy.rules.push(rule);
    const ending = save();
    const isUnderWay = () => existsSync(at(PARTIAL)) && statSync(at(PARTIAL)).size >= 500_000;
    await until(isUnderWay, 20_000, () => 'nothing was saved');
    await attempt('dd', ['if=/dev/zero', `of=${disk}/filler`, 'bs=64k']);
    expect(await ending).toMatchObject({
      status: 17,
      stderr: expect.stringMatching(/^layerslayer: layer 1: writing .*\.partial: no space left on device/),
    });
    expect(files()).not.toContain(PATHS[0]);
    rmSync(join(disk, 'filler'));
    const again = await save();
    expect([again.status, again.stdout]).toEqual([
      0,
      expect.stringContaining('(3.3 MiB, resumed and saved)'),
    ]);
    expectAll();
  });

  it('is named', async () => {
    writeFileSync(at('file'), '');
    const inFile = await save(['-o', 'file']);
    expect(inFile).toMatchObject({ status: 17, stdout: '', stderr: expect.stringContaining('making ') });
    expect(await save(['-o', '/proc/nowhere'])).toMatchObject({ status: 17, stdout: '' });
    mkdirSync(at(`${PATHS[1]}/x`), { recursive: true });
    const { status, stderr } = await save();
    expect([status, stderr]).toEqual([17, expect.stringMatching(/^layerslayer: layer 2: renaming /)]);
  });
});
