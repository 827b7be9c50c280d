import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, run } from '../support/child.js';
import { estargz } from '../support/estargz.js';
import { Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

const PLAIN = gzipSync(tarOf(dir('etc/'), file('etc/plain', 'plain')));
const HONEST = estargz([{ path: 'etc/' }, { path: 'etc/hosts', content: 'hosts' }]);
/** The table shows a file that the layer does not have by that name. */
const LYING = estargz([{ path: 'bin/' }, { path: 'bin/true', content: 'real' }], {
  lie: (toc) => toc.map((entry) => (entry.name === 'bin/true' ? { ...entry, name: 'bin/fake' } : entry)),
});

let registry: TestRegistry;
let honest = '';
let lying = '';
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'test/honest:v1', { layers: [PLAIN, HONEST] });
  await pushImage(registry, 'test/lying:v1', { layers: [PLAIN, HONEST, LYING] });
  honest = `${registry.host}/test/honest:v1`;
  lying = `${registry.host}/test/lying:v1`;
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

async function json(...words: string[]) {
  const { stdout, stderr, status } = await place.layerslayer(words);
  expect([status, stderr.includes('warning')]).toEqual([0, false]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('an image that announces a table', () => {
  it('is mounted by it, and what was not compared is said', async () => {
    const mountpoint = place.directory('mnt');
    const { stdout, stderr } = await place.layerslayer(['mount', honest, mountpoint]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/in \d+\.\d s; 1 layer by the publisher's table, not compared with the layer\n$/);
    expect((await run('cat', [`${mountpoint}/etc/hosts`, `${mountpoint}/etc/plain`])).stdout).toBe(
      'hostsplain',
    );
    expect(await place.listed()).toMatchObject([{ verified: false, verification: 'none' }]);
    await place.unmount(mountpoint);
    // A second mount says it too, and one that reads by own passes only does not.
    for (const [trust, isSaid] of [
      ['exact', true],
      ['none', false],
      ['any', false],
    ] as const) {
      const again = await place.layerslayer(['mount', `--index=${trust}`, honest, mountpoint]);
      expect([trust, again.stdout.includes('not compared'), again.stderr]).toEqual([trust, isSaid, '']);
      await place.unmount(mountpoint);
    }
  });

  it('hides the table in the merged tree, whatever the index, and peek of the layer lists it', async () => {
    for (const trust of ['exact', 'none']) {
      const mountpoint = await place.mount(honest, 'mnt', [`--index=${trust}`]);
      expect((await run('ls', ['-A', mountpoint])).stdout).toBe('etc\n');
      await place.unmount(mountpoint);
    }
    const { stdout } = await place.layerslayer(['peek', '--simple', '--layer', '2', honest]);
    expect(stdout).toContain('stargz.index.json');
  });

  it('has verified false in what is printed for programs', async () => {
    const [carved] = await json('carve', '-o', place.directory('out'), '--json', honest, '/etc/plain');
    expect(carved).toMatchObject({ verified: false });
    const [sure] = await json(
      'carve',
      '-o',
      place.directory('sure'),
      '--json',
      '--verify',
      honest,
      '/etc/plain',
    );
    expect(sure).toMatchObject({ verified: true });
  });

  it('is inspected with what each layer would be opened by', async () => {
    const verified = async (...words: string[]) => {
      const { stdout } = await place.layerslayer(['inspect', '--json', ...words, honest]);
      return JSON.parse(stdout).layers.map((layer: { verified: boolean }) => layer.verified);
    };
    expect(await verified()).toEqual([true, false]);
    expect(await verified('--index=none')).toEqual([true, true]);
    await place.unmount(await place.mount(honest, 'mnt', ['--index=none']));
    expect(await verified()).toEqual([true, true]);
  });

  it('has verified false in the rows of du, and says why', async () => {
    const reason = 'not verified: the index of layer 2 was not compared with the layer\n';
    for (const [args, last] of [
      [[], { path: '/', bytes: 10, entries: 4, verified: false }],
      [['--hidden'], { total: { bytes: 0, entries: 0, percent: 0 }, verified: false }],
    ] as const) {
      const { status, stdout, stderr } = await place.layerslayer(['du', '--json', ...args, honest]);
      expect([status, stderr]).toEqual([0, reason]);
      expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject(last);
    }
    const [sure] = await json('du', '--json', '--depth', '0', '--index=none', honest);
    expect(sure).toEqual({ path: '/', bytes: 10, entries: 4 });
  });

  it('is listed by peek with verified false on the lines of that layer', async () => {
    const lines = await json('peek', '--json', honest);
    expect(lines.map(({ layer, verified }) => [layer, verified])).toEqual([
      [1, undefined],
      [1, undefined],
      [2, false],
      [2, false],
      [2, false], // the table itself
    ]);
    expect((await json('peek', '--json', '--merged', honest)).every((line) => line.verified === false)).toBe(
      true,
    );
  });

  it('is listed and printed by ls and cat, which say that it was not compared', async () => {
    const said = 'not verified: the index of layer 2 was not compared with the layer\n';
    const listed = await place.layerslayer(['ls', '--json', honest, '/etc']);
    expect(listed.stderr).toBe(said);
    expect(listed.stdout.match(/"verified":false/g)).toHaveLength(2);
    const printed = await place.layerslayer(['cat', honest, '/etc/plain', '/etc/hosts']);
    expect(printed).toMatchObject({ status: 0, stdout: 'plainhosts', stderr: said });
    const verified = await place.layerslayer(['cat', '--verify', honest, '/etc/hosts']);
    expect(verified).toMatchObject({ status: 0, stdout: 'hosts', stderr: '' });
  });
});

describe('mount --verify-later', () => {
  it('proves a table; the words go, and the next mount has an own pass', async () => {
    const mountpoint = await place.mount(honest, 'mnt', ['--verify-later']);
    expect(await place.compared()).toMatchObject({ verified: true, verification: 'done' });
    expect((await run('cat', [`${mountpoint}/etc/hosts`])).stdout).toBe('hosts');
    await place.unmount(mountpoint);
    const { stdout } = await place.layerslayer(['mount', honest, mountpoint]);
    expect(stdout).not.toContain('not compared');
  });

  it('finds a table that lies: EIO at once, and an own pass at the next mount', async () => {
    const mountpoint = await place.mount(lying, 'mnt', ['--verify-later']);
    // The kernel has these bytes then.
    expect((await run('cat', [`${mountpoint}/bin/fake`])).stdout).toBe('real');
    expect(await place.compared()).toMatchObject({ verified: false, verification: 'refuted' });
    const read = await attempt('cat', [`${mountpoint}/bin/fake`]);
    expect([read.status, read.stderr]).toEqual([1, expect.stringContaining('Input/output error')]);
    // The other layers are what their tables say.
    expect((await run('cat', [`${mountpoint}/etc/hosts`])).stdout).toBe('hosts');
    const { log } = (await place.listed())[0]!;
    expect((await run('cat', [log])).stdout).toMatch(
      /the eStargz table .* does not agree with layer .*bin\/true/,
    );
    await place.unmount(mountpoint);
    const next = await place.layerslayer(['mount', '--index=any', lying, mountpoint]);
    expect([next.stdout.includes('not compared'), next.stderr]).toEqual([false, '']);
    expect((await run('ls', [`${mountpoint}/bin`])).stdout).toBe('true\n');
  });

  it('is nothing to do without such layers', async () => {
    await place.mount(honest, 'mnt', ['--verify-later', '--index=none']);
    expect(await place.listed()).toMatchObject([{ verified: true, verification: 'none' }]);
  });
});
