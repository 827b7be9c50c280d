import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt, run } from '../support/child.js';
import { corruptAt, FaultProxy, status } from '../support/fault-proxy.js';
import { Workplace } from '../support/mounts.js';
import {
  type PushedImage,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/**
 * Rule B1: a read returns exactly the bytes of the layer or fails, whatever happens to the cache on
 * disk. Each kind of damage has its own layer, with a file of several pages.
 */

const flipped = (at: (size: number) => number) => (path: string) => {
  const bytes = readFileSync(path);
  const place = Math.min(bytes.length - 1, Math.max(0, Math.floor(at(bytes.length))));
  bytes[place] = bytes[place]! ^ 0x10;
  writeFileSync(path, bytes);
};

const DAMAGES: Record<string, (path: string) => void> = {
  'first byte': flipped(() => 0),
  'byte 9': flipped(() => 9),
  'byte 40': flipped(() => 40),
  'byte 200': flipped(() => 200),
  'a byte of the first third': flipped((size) => size / 3),
  'a byte in the middle': flipped((size) => size / 2),
  'a byte near the end': flipped((size) => size - 30),
  'last byte': flipped((size) => size - 1),
  empty: (path) => truncateSync(path, 0),
  'one byte left': (path) => truncateSync(path, 1),
  'cut in half': (path) => truncateSync(path, readFileSync(path).length >> 1),
  'cut by one byte': (path) => truncateSync(path, readFileSync(path).length - 1),
  'longer by one byte': (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)])),
  zeros: (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)),
  noise: (path) => writeFileSync(path, randomBytes(readFileSync(path).length)),
  gone: (path) => rmSync(path),
  'a link to another file': (path) => {
    rmSync(path);
    symlinkSync('/etc/passwd', path);
  },
};

const KINDS = Object.keys(DAMAGES);
/**
 * Text of several spans (1 MiB) and pages (256 KiB). Each second line repeats one of 20 KiB before,
 * so that a wrong window inflates nothing right.
 */
const LINES = 40_000;
const REPEATED_AFTER = 301;
const TAIL_SIZE = 100_000;
const contents = KINDS.map(() => {
  const lines: string[] = [];
  const noise = randomBytes(LINES * 16).toString('hex');
  for (let at = 0; at < LINES; at++) {
    const fresh = noise.slice(at * 32, at * 32 + 32) + noise.slice(at * 16, at * 16 + 32);
    lines.push(at % 2 === 0 || at < REPEATED_AFTER ? fresh : lines[at - REPEATED_AFTER]!);
  }
  return Buffer.from(lines.join('\n'));
});
const small = (at: number) => `small ${at}\n`;

/** Ample: a busy machine decides no test. */
const END_DEADLINE_MS = 20_000;

const place = new Workplace();
let registry: TestRegistry;
let proxy: FaultProxy;
let image: PushedImage;
let reference: string;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start({ target: registry.url });
  image = await pushImage(registry, 'library/kept:latest', {
    layers: KINDS.map((_, at) =>
      gzipSync(tarOf(dir(`d${at}`), file(`d${at}/large`, contents[at]!), file(`d${at}/small`, small(at)))),
    ),
  });
  reference = `${proxy.host}/library/kept:latest`;
  await place.unmount(await place.mount(reference, 'first'));
  await place.allEnded(END_DEADLINE_MS);
});
afterAll(async () => {
  await place.cleanUp();
  await proxy?.stop();
  await registry?.stop();
});

/** Files kept of a layer: paths below the cache directory that name its digest and match. */
function kept(at: number, kind: RegExp): string[] {
  const { digest } = image.manifest.layers[at]!;
  return readdirSync(place.cache, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.includes(digest) && kind.test(path));
}

function damage(kind: RegExp): void {
  for (const [at, name] of KINDS.entries()) {
    const files = kept(at, kind);
    expect(files.length, `${name}: files kept`).toBeGreaterThan(0);
    for (const path of files) DAMAGES[name]!(path);
  }
}

/**
 * The result of reading each layer's files: `right`, the error, or `WRONG`. The end is read first:
 * from a window.
 */
async function reads(mnt: string): Promise<Record<string, string>> {
  const outcomes = await Promise.all(
    KINDS.map(async (name, at) => {
      const content = contents[at]!;
      const end = await attempt('tail', ['-c', String(TAIL_SIZE), 'large'], { cwd: `${mnt}/d${at}` });
      if (end.status === 0 && end.stdout !== content.subarray(-TAIL_SIZE).toString('latin1'))
        return [name, 'WRONG at the end'];
      const { stdout, stderr } = await attempt('sha256sum', ['large', 'small'], { cwd: `${mnt}/d${at}` });
      const wanted = [`${sha256(content).slice(7)}  large`, `${sha256(small(at)).slice(7)}  small`];
      const given = stdout.split('\n').filter(Boolean);
      if (given.some((line) => !wanted.includes(line))) return [name, 'WRONG'];
      if (end.status === 0 && given.length === wanted.length) return [name, 'right'];
      return [name, /Input\/output error/.test(end.stderr + stderr) ? 'EIO' : stderr];
    }),
  );
  return Object.fromEntries(outcomes);
}

const everywhere = (outcome: string) => Object.fromEntries(KINDS.map((name) => [name, outcome]));
const listing = async (mnt: string) =>
  (await run('find', ['.', '-printf', '%P %y %m %s %i\\n'], { cwd: mnt })).stdout;

describe('kept pages that are damaged', () => {
  it('are fetched again', async () => {
    const mnt = await place.mount(reference, 'pages');
    damage(/\/pages\//);
    expect(await reads(mnt)).toEqual(everywhere('right'));
    await place.unmount(mnt);
    await place.allEnded(END_DEADLINE_MS);
    // and are whole again
    const again = await place.mount(reference, 'healed');
    expect(await reads(again)).toEqual(everywhere('right'));
    await place.unmount(again);
    await place.allEnded(END_DEADLINE_MS);
  });

  it('are EIO while the registry is away, and right when it is back', async () => {
    const mnt = await place.mount(reference, 'away');
    damage(/\/pages\//);
    proxy.rules.push({ path: /./, fault: status(404) });
    const outcomes = await reads(mnt);
    expect(Object.values(outcomes).filter((outcome) => outcome !== 'right' && outcome !== 'EIO')).toEqual([]);
    // What is damaged beyond doubt cannot have been read.
    expect(outcomes).toMatchObject({
      zeros: 'EIO',
      noise: 'EIO',
      gone: 'EIO',
      'a byte in the middle': 'EIO',
    });
    const log = (await run('sh', ['-c', `cat "$1"/layerslayer/*away*`, 'sh', `${place.scratch}/state`]))
      .stdout;
    const digest = image.manifest.layers[KINDS.indexOf('a byte in the middle')]!.digest;
    expect(log).toMatch(new RegExp(`page \\d+.*${digest.slice(0, 19)}|${digest.slice(0, 19)}.*page \\d+`));
    proxy.rules.length = 0;
    expect(await reads(mnt)).toEqual(everywhere('right'));
    await place.unmount(mnt);
    await place.allEnded(END_DEADLINE_MS);
  });

  it('of one layer in the place of another’s are not taken', async () => {
    const mnt = await place.mount(reference, 'swapped');
    const [one] = kept(0, /\/pages\//);
    for (const at of KINDS.keys())
      for (const path of kept(at, /\/pages\//)) if (path !== one) copyFileSync(one!, path);
    expect(await reads(mnt)).toEqual(everywhere('right'));
    await place.unmount(mnt);
    await place.allEnded(END_DEADLINE_MS);
  });
});

describe('kept layer indexes that are damaged', () => {
  it('are rebuilt', async () => {
    const whole = await place.mount(reference, 'whole');
    const wanted = await listing(whole);
    await place.unmount(whole);
    await place.allEnded(END_DEADLINE_MS);
    damage(/\/index\//);
    const mnt = await place.mount(reference, 'index');
    expect(await listing(mnt)).toBe(wanted);
    expect(await reads(mnt)).toEqual(everywhere('right'));
    await place.unmount(mnt);
    await place.allEnded(END_DEADLINE_MS);
  });

  it('while they are mounted change nothing that is read, nor at the next mount', async () => {
    const mnt = await place.mount(reference, 'mounted');
    damage(/\/index\//);
    expect(await reads(mnt)).toEqual(everywhere('right'));
    await place.unmount(mnt);
    await place.allEnded(END_DEADLINE_MS);
    const next = await place.mount(reference, 'next');
    expect(await reads(next)).toEqual(everywhere('right'));
    await place.unmount(next);
    await place.allEnded(END_DEADLINE_MS);
  });
});

describe('kept manifests that are damaged', () => {
  it.each(['a byte in the middle', 'cut in half', 'zeros'])('%s: are fetched again', async (name) => {
    const manifests = readdirSync(place.cache, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.endsWith('/manifests'))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(manifests.length).toBeGreaterThan(1);
    for (const path of manifests) DAMAGES[name]!(path);
    const mnt = await place.mount(`${proxy.host}/library/kept@${image.digest}`, 'manifests');
    expect((await run('cat', ['d0/small', 'd5/small'], { cwd: mnt })).stdout).toBe(small(0) + small(5));
    await place.unmount(mnt);
    await place.allEnded(END_DEADLINE_MS);
  });
});

describe('nothing kept', () => {
  it('other bytes from the registry after mounting are EIO, then right again', async () => {
    const mnt = await place.mount(reference, 'nothing', ['--cache-size', '0']);
    proxy.rules.push({ path: /\/blobs\//, fault: corruptAt(1000) });
    const outcomes = await reads(mnt);
    expect(Object.values(outcomes).filter((outcome) => outcome !== 'right' && outcome !== 'EIO')).toEqual([]);
    expect(Object.values(outcomes)).toContain('EIO');
    proxy.rules.length = 0;
    expect(await reads(mnt)).toEqual(everywhere('right'));
    await place.unmount(mnt);
  });
});
