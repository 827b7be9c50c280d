/** `layerslayer index`, built, on a real registry. Rules C41 to C44. */
import { appendFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { type ChildOptions, run } from '../../../support/child.js';
import { corruptAt, FaultProxy, noAnswer, status } from '../../../support/fault-proxy.js';
import { LayoutBuilder, writeDirectory } from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, file, tarOf } from '../../../support/tar.js';
import { compressZstd } from '../../../support/zstd.js';

let unique = 0;
/** A layer that no other test has. */
const layer = (size = 40_000) =>
  gzipSync(tarOf(dir('d/'), file(`d/${unique++}`, noise(size, unique)), file('d/text', 'x'.repeat(size))));

let registry: TestRegistry;
let place: Workplace;
let proxy: FaultProxy;
let image: PushedImage;
let reference = '';
let shelf = '';

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.stop());
beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
  const name = `test/app-${unique}`;
  image = await pushImage(registry, `${name}:v1`, { layers: [layer(), layer()] });
  reference = `${proxy.host}/${name}:v1`;
  shelf = `${proxy.host}/indexes/${name}`;
});
afterEach(async () => {
  await place.cleanUp();
  await proxy.stop();
});

const index = (args: readonly string[], options: ChildOptions = {}) =>
  place.layerslayer(['index', ...args], { cwd: place.scratch, ...options });
const json = async (...args: string[]) => JSON.parse((await index([...args, '--json'])).stdout);
const digests = () => image.manifest.layers.map(({ digest }) => digest);
/** Bytes of the image's layers that were sent. */
const layerBytes = () =>
  proxy.seen
    .filter(({ path, method }) => method === 'GET' && digests().some((digest) => path.endsWith(digest)))
    .reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
const writes = () => proxy.seen.filter(({ method }) => method !== 'GET' && method !== 'HEAD');

describe('index', () => {
  it('makes what a mount needs, and does nothing the next time', async () => {
    const first = await index([reference]);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout).toMatch(
      new RegExp(`^${reference}@${image.digest} \\(linux/\\w+\\): 2 layers indexed, .* fetched in .*\n$`),
    );
    const fetched = layerBytes();
    expect(await index([reference])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(': 2 layers indexed (2 before), 0 B fetched'),
    });
    expect(layerBytes()).toBe(fetched);
    expect(writes()).toEqual([]);
    expect((await place.layerslayer(['peek', reference])).status).toBe(0);
    expect(layerBytes()).toBe(fetched);
  });

  it('tells programs exactly', async () => {
    expect(await json(reference)).toEqual({
      reference,
      digest: image.digest,
      platform: expect.stringMatching(/^linux\//),
      layers: image.manifest.layers.map(({ digest, size }, i) => ({
        layer: i + 1,
        digest,
        size,
        state: 'indexed',
      })),
      bytesFetched: expect.any(Number),
      elapsedMs: expect.any(Number),
    });
    expect((await json(reference)).layers.map(({ state }: { state: string }) => state)).toEqual([
      'cached',
      'cached',
    ]);
  });

  it('continues after a fault, and ends with the status of the first', async () => {
    const other = await pushImage(registry, 'test/other:v1', { layers: [layer()] });
    const broken = await pushImage(registry, 'test/broken:v1', { layers: [Buffer.from('\x1f\x8bnot gzip')] });
    expect(broken.digest).toBeDefined();
    const ended = await index([
      `${proxy.host}/test/broken:v1`,
      `${proxy.host}/test/none:v1`,
      `${proxy.host}/test/other:v1`,
    ]);
    expect(ended.status).toBe(15);
    expect(ended.stdout).toContain(other.digest);
    const lines = ended.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/test\/broken:v1: layer 1: /);
    expect(lines[1]).toMatch(/test\/none:v1: /);
    for (const line of lines) expect(line.match(/test\/\w+:v1/g)).toHaveLength(1);
  });

  it('names each image once in its error', async () => {
    const input = `${reference}\nNOT A REFERENCE\n`;
    const { status, stderr } = await index(['-', '--platform', 'linux/s390x'], { input });
    expect(status).toBe(12);
    const [first = '', second = ''] = stderr.trimEnd().split('\n');
    expect(first).toContain(`layerslayer: ${reference} has no image for linux/s390x`);
    expect(first.split(reference)).toHaveLength(2);
    expect(second.match(/NOT A REFERENCE/g)).toHaveLength(1);
  });

  it('reads references from stdin, as they come', async () => {
    await pushImage(registry, 'test/listed:v1', { layers: [layer()] });
    const input = `# images\n\n  ${reference}  \r\nNOT A REFERENCE\n${proxy.host}/test/listed:v1`;
    const ended = await index(['-', '--json'], { input });
    expect(ended.status).toBe(2);
    expect(
      ended.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).reference),
    ).toEqual([reference, `${proxy.host}/test/listed:v1`]);
    expect(ended.stderr).toContain('INVALID_REFERENCE');
  });

  it.each([
    [['-', '--password-stdin', '--username', 'ali'], /both read stdin/],
    [['--push', '--cache-size', '0', 'x'], /needs a cache/],
    [['ls'], /index ls wants one IMAGE/],
    [['rm', 'a', 'b'], /index rm wants one IMAGE/],
    [['ls', '--push', 'a'], /--push is not for index ls/],
    [['--index-repository', 'ghcr.io/team/x:tag', 'a'], /a repository has no tag/],
    [['a', 'B'], /lower case/],
    [['push', 'a'], /did you mean index --push\? An image of that name: index docker.io\/library\/push/],
    [['list', 'a'], /did you mean index ls\?/],
    [['delete', 'a'], /did you mean index rm\?/],
    [['rmm', 'a'], /did you mean index rm\?/],
    [['sl', 'a', 'b'], /did you mean index ls\?/],
    [['help'], /did you mean index --help\?/],
  ])('%j is wrong usage, before any network', async (args, message) => {
    const ended = await index(args);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(message) });
    expect(proxy.seen).toEqual([]);
  });

  it('takes the repository of indexes from the environment, for all image commands', async () => {
    const env = { LAYERSLAYER_INDEX_REPOSITORY: 'Not/A:repository' };
    for (const words of [
      ['index', 'a'],
      ['peek', 'a'],
      ['mount', 'a', place.directory('m')],
    ]) {
      const ended = await place.layerslayer(words, { env });
      expect(ended).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('$LAYERSLAYER_INDEX_REPOSITORY: '),
      });
    }
  });

  it('prints nothing with --quiet', async () => {
    expect(await index([reference, '-q'])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('ends at once when it is interrupted: later images are not asked for', async () => {
    const slow = await pushImage(registry, 'test/slow:v1', { layers: [layer()] });
    const { digest } = slow.manifest.layers[0]!;
    proxy.rules.push({ path: new RegExp(digest), fault: noAnswer() });
    let pid = 0;
    const started = (id: number) => {
      pid = id;
    };
    const running = index([`${proxy.host}/test/slow:v1`, reference], { started });
    await expect
      .poll(() => proxy.requests(new RegExp(digest)).length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    process.kill(pid, 'SIGINT');
    expect((await running).status).toBe(130);
    expect(proxy.requests(new RegExp(image.digest))).toEqual([]);
  });
});

describe('index --push', () => {
  it('publishes beside the image; ls lists it, rm removes it', async () => {
    const pushed = await index(['--push', reference]);
    expect(pushed).toMatchObject({ status: 0, stderr: '' });
    const repository = reference.replace(/:v1$/, '');
    expect(pushed.stdout).toMatch(
      new RegExp(`: 2 layers indexed, published in ${repository}, 2 indexes \\(\\S+ \\S+\\) uploaded, `),
    );
    const listed = await json('ls', reference);
    expect(listed).toMatchObject({
      reference,
      digest: image.digest,
      published: [{ repository, indexes: digests().map((one) => ({ layer: one, version: 3 })) }],
    });
    const table = await index(['ls', reference]);
    expect(table.stdout).toMatch(/^MANIFEST +LAYERS +SIZE +TAG\n/);
    expect(table.stdout).toMatch(
      new RegExp(`\n${repository}@${listed.published[0].digest} +1-2 +\\S+ \\S+\n$`),
    );
    // Again: nothing is written.
    const before = writes().length;
    const again = await json('--push', reference);
    expect(again).toMatchObject({ uploaded: 0, uploadedBytes: 0, published: listed.published });
    expect(writes()).toHaveLength(before);

    expect((await index(['rm', reference])).stdout).toBe(`${reference}: 1 manifest removed\n`);
    expect(await json('ls', reference)).toMatchObject({ published: [] });
    expect((await index(['rm', reference])).stdout).toBe(`${reference}: 0 manifests removed\n`);
  });

  it('skips tags of the repository that are no images, as it is run on a list of tags', async () => {
    const name = reference.slice(proxy.host.length + 1).replace(/:v1$/, '');
    const hex = image.digest.replace('sha256:', '');
    // A signature has the config of an image, and a tag that a tool mirrored by digest is an image.
    const signature = await pushImage(registry, `${name}:sha256-${hex}.sig`, { layers: [layer()] });
    const mirrored = await pushImage(registry, `${name}:sha256-${'0'.repeat(64)}`, { layers: [layer()] });
    await index(['--push', reference]);
    const answer = await fetch(`${registry.url}/v2/${name}/tags/list`);
    const listed = ((await answer.json()) as { tags: string[] }).tags
      .map((tag) => `${proxy.host}/${name}:${tag}`)
      .sort();
    const list = `${proxy.host}/${name}:sha256-${hex}`;
    expect(listed).toEqual(expect.arrayContaining([list, `${list}.sig`, reference]));
    const ended = await index(['--push', '--if-missing', '-'], { input: listed.join('\n') });
    expect(ended.status).toBe(0);
    expect(ended.stderr).toBe(`${list}: skipped: no image\n${list}.sig: skipped: no image\n`);
    expect(ended.stdout).toContain(mirrored.digest);
    expect(ended.stdout).toContain(image.digest);
    expect(ended.stdout).not.toContain(signature.digest);
    // By name too, as xargs passes them.
    expect(await index(['--push', '-q', list])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await json('--push', list)).toEqual({ reference: list, state: 'skipped' });
  });

  it('skips indexes in an index repository, but no other manifest that is not an image', async () => {
    const { published } = await json('--push', reference, '--index-repository', shelf);
    const [{ tag, digest }] = published;
    expect(await json(`${shelf}:${tag}`)).toEqual({ reference: `${shelf}:${tag}`, state: 'skipped' });
    expect((await index([`${shelf}@${digest}`])).status).toBe(16);
    expect((await index([reference.replace(':v1', `:sha256-${'1'.repeat(64)}`)])).status).toBe(10);
  });

  it('publishes in a repository of one’s own, by layer', async () => {
    const where = ['--index-repository', shelf];
    expect(await json('--push', reference, ...where)).toMatchObject({
      uploaded: 2,
      published: digests().map((digest) => ({
        repository: shelf,
        tag: `layer-${digest.replace(':', '-')}`,
        indexes: [{ layer: digest }],
      })),
    });
    expect(await json('ls', reference)).toMatchObject({ published: [] });
    expect((await json('ls', reference, ...where)).published).toHaveLength(2);
    const env = { LAYERSLAYER_INDEX_REPOSITORY: shelf };
    expect((await index(['rm', reference], { env })).stdout).toBe(`${reference}: 2 manifests removed\n`);
    expect((await json('ls', reference, ...where)).published).toEqual([]);
  });

  it('publishes images of this machine there', async () => {
    const layout = new LayoutBuilder();
    writeDirectory(`${place.scratch}/img`, layout.top([layout.image([layer()])]));
    expect(await index(['--push', 'oci:img'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--index-repository'),
    });
    expect(await json('--push', 'oci:img', '--index-repository', shelf)).toMatchObject({ uploaded: 1 });
  });

  it('--if-missing makes no pass on another machine, when all is published', async () => {
    await index(['--push', reference]);
    await place.layerslayer(['cache', 'clear']);
    const before = { bytes: layerBytes(), writes: writes().length };
    const again = await json('--push', '--if-missing', reference);
    expect(again.layers).toMatchObject([{ state: 'published' }, { state: 'published' }]);
    expect({ bytes: layerBytes(), writes: writes().length }).toEqual(before);
  });

  it('--if-missing makes passes over the missing layers only', async () => {
    const [base, top] = [layer(), layer()];
    const one = await pushImage(registry, 'test/base:v1', { layers: [base] });
    const two = await pushImage(registry, 'test/top:v1', { layers: [base, top] });
    const where = ['--push', '--if-missing', '--index-repository', shelf];
    await index([...where, `${proxy.host}/test/base:v1`]);
    await place.layerslayer(['cache', 'clear']);
    expect(await json(...where, `${proxy.host}/test/top:v1`)).toMatchObject({
      layers: [
        { digest: one.manifest.layers[0]!.digest, state: 'published' },
        { digest: two.manifest.layers[1]!.digest, state: 'indexed' },
      ],
      uploaded: 1,
    });
  });

  it('mounts the files of shared layers for later images', async () => {
    const base = layer();
    for (const name of ['one', 'two']) await pushImage(registry, `test/${name}:v1`, { layers: [base] });
    const ended = await index(['--push', '--json', `${proxy.host}/test/one:v1`, `${proxy.host}/test/two:v1`]);
    const uploaded = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).uploaded);
    expect(uploaded).toEqual([1, 0]);
    expect(proxy.requests(/test\/two\/blobs\/uploads\/\?mount=/).map(({ status: code }) => code)).toContain(
      201,
    );
  });

  it('that is not allowed says which scope it needs, and what else there is', async () => {
    proxy.rules.push({ path: /blobs\/uploads/, fault: status(403) });
    const ended = await index(['--push', reference]);
    const name = reference.slice(proxy.host.length + 1).replace(/:v1$/, '');
    expect(ended.status).toBe(11);
    expect(ended.stderr).toContain(`needs the scope repository:${name}:pull,push`);
    expect(ended.stderr).toContain('--index-repository');
  });

  it('of two processes at once keeps both', async () => {
    // Two machines: each has a cache of its own, and the second one's indexes are other bytes.
    const caches = ['one', 'two'].map((name) => `${place.scratch}/cache-${name}`);
    for (const cache of caches) await index([reference, '--cache-dir', cache]);
    growIndexes(caches[1]!, 10);
    const both = await Promise.all(
      caches.map((cache) => index(['--push', '--json', '--cache-dir', cache, reference])),
    );
    expect(both.map(({ status: code }) => code)).toEqual([0, 0]);
    const made = both.map(({ stdout }) => JSON.parse(stdout).published[0].digest as string);
    expect(new Set(made).size).toBe(2);
    const listed = (await json('ls', reference)).published.map(({ digest }: { digest: string }) => digest);
    expect(listed.sort()).toEqual(made.sort());
  });
});

/** Adds bytes after the last section of each cached index: readers skip them. */
function growIndexes(cache: string, size: number): void {
  const directory = `${cache}/v2/index/3`;
  for (const name of readdirSync(directory)) appendFileSync(`${directory}/${name}`, noise(size, 1));
}

describe('a mount from published indexes', () => {
  const indexed = async (args: readonly string[]) => {
    await index(['--push', reference, ...args]);
    await place.layerslayer(['cache', 'clear']);
    return layerBytes();
  };
  const listing = async (...args: string[]) => {
    const ended = await place.layerslayer(['peek', '--merged', '--simple', reference, ...args]);
    expect(ended.status).toBe(0);
    return ended;
  };

  it.each([
    ['referrers, with --index=any', [], ['--index=any']],
    ['a repository of one’s own', ['SHELF'], ['SHELF']],
  ])('by %s reads no layer whole', async (_, pushed, used) => {
    const words = (given: string[]) =>
      given.flatMap((word) => (word === 'SHELF' ? ['--index-repository', shelf] : word));
    const own = await listing();
    const before = await indexed(words(pushed));
    const published = await listing(...words(used));
    expect(published.stdout).toBe(own.stdout);
    expect(layerBytes()).toBe(before);
    // Content is read by ranges, and checked by the index's digests.
    const mountpoint = await place.mount(reference, 'm', words(used));
    const { stdout } = await run('cat', [`${mountpoint}/d/text`]);
    expect(stdout).toBe('x'.repeat(40_000));
    await place.unmount(mountpoint);
    // The cached index counts only for those that accept its origin.
    await listing('--index=exact');
    expect(layerBytes()).toBeGreaterThan(before + image.manifest.layers[0]!.size);
  });

  it.each([
    ['gzip', async (tar: Buffer) => gzipSync(tar)],
    ['zstd', async (tar: Buffer) => compressZstd(tar)],
  ])('fetches states of a large index of %s when they are needed', async (codec, compress) => {
    // Text that has matches everywhere: each checkpoint needs a window. zstd has fewer of them.
    const count = codec === 'zstd' ? 4_000_000 : 900_000;
    const words = Array.from({ length: count }, (_, i) => `${(i * 7919 + (i >> 8)) % 100_007} `).join('');
    const name = `test/large-${unique}`;
    const large = await pushImage(registry, `${name}:v1`, {
      layers: [await compress(tarOf(file('first', 'first\n'), file('words', words), file('last', 'last\n')))],
    });
    reference = `${proxy.host}/${name}:v1`;
    await index([reference]);
    growIndexes(place.cache, 1_500_000);
    const pushed = await json('--push', reference, '--index-repository', shelf);
    expect(pushed.uploadedBytes).toBeGreaterThan(1_500_000);
    await place.layerslayer(['cache', 'clear']);

    const { digest } = pushed.published[0].indexes[0];
    const requests = () =>
      proxy.requests(new RegExp(`blobs/${digest}`)).filter(({ method }) => method === 'GET');
    const seen = requests().length;
    const mounted = async (where: string) => {
      const mountpoint = await place.mount(reference, where, ['--index-repository', shelf]);
      expect((await run('tail', ['-c', '1000', `${mountpoint}/words`])).stdout).toBe(words.slice(-1000));
      expect((await run('cat', [`${mountpoint}/last`])).stdout).toBe('last\n');
      expect((await run('cat', [`${mountpoint}/words`])).stdout === words).toBe(true);
      await place.unmount(mountpoint);
    };
    await mounted('one');
    const ranges = requests().slice(seen);
    const bytes = ranges.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    expect(ranges[0]!.headers.range).toMatch(/^bytes=0-\d{3,4}$/); // up to the states
    expect(ranges.length).toBeGreaterThan(1);
    expect(bytes).toBeLessThan(600_000);
    const layerDigest = large.manifest.layers[0]!.digest;
    const whole = proxy
      .requests(new RegExp(layerDigest))
      .filter(({ headers }) => headers.range === undefined);
    expect(whole).toHaveLength(1); // of the first pass

    // From the cache: states that were fetched are cached too.
    const before = requests().length;
    await mounted('two');
    expect(requests().slice(before)).toEqual([]);

    // An own pass later agrees with it, and replaces it.
    const own = await index(['--push', '--json', reference, '--index-repository', shelf]);
    expect(own).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(own.stdout)).toMatchObject({ uploaded: 0, layers: [{ state: 'indexed' }] });

    await place.layerslayer(['cache', 'clear']);
    // Comparing decompresses from each state: it fetches them all.
    await place.mount(reference, 'compared', ['--index-repository', shelf, '--verify-later']);
    expect(await place.compared()).toMatchObject({ verified: true, verification: 'done' });
  });

  it.each([
    ['gzip', async (tar: Buffer) => gzipSync(tar)],
    ['zstd', async (tar: Buffer) => compressZstd(tar)],
  ])('of %s agrees with an own pass later', async (_, compress) => {
    const words = Array.from({ length: 1_500_000 }, (_, i) => `${(i * 7919 + (i >> 8)) % 100_007} `).join('');
    const name = `test/agreed-${unique}`;
    await pushImage(registry, `${name}:v1`, { layers: [await compress(tarOf(file('words', words)))] });
    reference = `${proxy.host}/${name}:v1`;
    await indexed([]);
    const mountpoint = await place.mount(reference, 'm', ['--index=any']);
    expect((await run('cat', [`${mountpoint}/words`])).stdout === words).toBe(true);
    await place.unmount(mountpoint);
    const own = await index(['--index=none', '--json', reference]);
    expect(own).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(own.stdout)).toMatchObject({ layers: [{ state: 'indexed' }] });
  });

  it('without --index=any is none: others may have published them', async () => {
    const before = await indexed([]);
    await listing();
    expect(layerBytes()).toBeGreaterThan(before);
  });

  it('is made by own passes when the indexes are wrong, and says so', async () => {
    const own = await listing();
    await indexed(['--index-repository', shelf]);
    proxy.rules.push({ method: 'GET', path: /indexes\/.*\/blobs\//, fault: corruptAt(300) });
    const ended = await listing('--index-repository', shelf);
    expect(ended.stdout).toBe(own.stdout);
    expect(ended.stderr).toMatch(/warning: the index of the repository .* of layer .* is not used: /);
  });

  it('is made by own passes when the index repository fails, and says so once', async () => {
    proxy.rules.push({ path: /indexes\//, fault: status(403) });
    const ended = await listing('--index-repository', shelf);
    expect(ended.stderr.match(/warning: the index of the repository .* is not used: /g)).toHaveLength(1);
  });
});
