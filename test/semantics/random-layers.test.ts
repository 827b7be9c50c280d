import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUN_SEED } from '../setup/seed.js';
import { attempt, run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import * as tar from '../support/tar.js';
import { type Listing, listTree } from '../support/tree-listing.js';
import { type NaiveFile, naiveImage, type Op } from './naive-image.js';

/**
 * Layers that no one thought of: random entries and markers over a handful of names, mounted, against the rules done
 * naively. One seed is fixed, the other one is this run's.
 */
const FIXED_SEED = 20;
const GROUPS = 400; // top-level directories, each with random members in every layer
const LAYERS = 4;

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const kind = fc.constantFrom<Op['kind'][]>(
  'file',
  'file',
  'dir',
  'symlink',
  'symlink',
  'hardlink',
  'hardlink',
  'fifo',
  'whiteout',
  'opaque',
);
/** `$` is the group's directory. */
const linkTarget = fc.oneof(
  path,
  path.map((inside) => `../${inside}`),
  path.map((inside) => `../../${inside}`),
  path.map((inside) => `/$/${inside}`),
  path.map((inside) => `/../..//$/./${inside}/`),
  fc.constantFrom('.', '..', '../..', '/$', '../../../../$/a'),
);
const op = fc.record({ kind, path, inside: path, target: linkTarget });

function randomLayers(seed: number): Op[][] {
  const layers: Op[][] = Array.from({ length: LAYERS }, () => []);
  const member = fc.tuple(fc.nat(LAYERS - 1), op);
  const groups = fc.sample(fc.array(member, { minLength: 4, maxLength: 24 }), {
    numRuns: GROUPS,
    seed,
  });
  let stamp = 1;
  groups.forEach((members, number) => {
    const root = `g${number}`;
    layers[0]!.push({ kind: 'dir', path: root, stamp: stamp++ });
    for (const [layer, { kind, path, inside, target }] of members) {
      const links: Partial<Op> =
        kind === 'symlink'
          ? { target: target.replaceAll('$', root) }
          : kind === 'hardlink'
            ? { target: `${root}/${inside}` }
            : {};
      layers[layer]!.push({ kind, path: `${root}/${path}`, stamp: stamp++, ...links });
    }
  });
  return layers;
}

function memberOf({ kind, path, target = '', stamp }: Op): Uint8Array {
  const attributes = { mtime: stamp };
  switch (kind) {
    case 'file':
      return tar.file(path, `content ${stamp}`, attributes);
    case 'dir':
      return tar.dir(path, attributes);
    case 'symlink':
      return tar.symlink(path, target, attributes);
    case 'hardlink':
      return tar.hardlink(path, target, attributes);
    case 'fifo':
      return tar.fifo(path, attributes);
    case 'whiteout':
      return tar.whiteout(path, attributes);
    case 'opaque':
      return tar.opaque(path, attributes);
  }
}

const place = new Workplace();
let registry: TestRegistry;
let layers: Op[][];
let listing: Listing;
let sums: Map<string, string>;
let indexes: Map<string, string>;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

async function mountRandom(seed: number): Promise<void> {
  layers = randomLayers(seed);
  await pushImage(registry, `library/random:${seed}`, {
    layers: layers.map((ops) => gzipSync(tar.tarOf(...ops.map(memberOf)))),
  });
  const mountpoint = await place.mount(`${registry.host}/library/random:${seed}`, `mnt-${seed}`);
  listing = await listTree(mountpoint);
  const cats = await run(
    'bash',
    [
      '-c',
      'find . -type f -printf \'%P\\n\' | LC_ALL=C sort | while read -r f; do printf \'%s\\t\' "$f"; cat "$f"; echo; done',
    ],
    { cwd: mountpoint },
  );
  sums = new Map(
    cats.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t') as [string, string]),
  );
  const asked = await attempt('getfattr', ['-R', '-P', '-h', '-n', 'layerslayer.index', '.'], {
    cwd: mountpoint,
  });
  indexes = new Map(
    [...asked.stdout.matchAll(/# file: (.*)\nlayerslayer\.index="(.*)"\n/g)].map((found) => [
      found[1] === '.' ? '' : found[1]!,
      found[2]!,
    ]),
  );
}

/** What was mounted, in the naive image's words. */
function mounted(): Map<string, NaiveFile> {
  const kinds: Record<string, string> = { f: 'file', d: 'dir', l: 'symlink', p: 'fifo' };
  const names = new Map<string, string[]>();
  for (const [path, { inode, type }] of listing)
    if (type !== 'd') names.set(inode, [...(names.get(inode) ?? []), path]);
  return new Map(
    [...listing].map(([path, { type, mtime, target, inode }]) => {
      const layer = indexes.has(path) ? Number(indexes.get(path)) : 0;
      const stamp = type === 'f' ? Number(sums.get(path)?.replace('content ', '')) : Number(mtime);
      const file = { kind: kinds[type] ?? type, stamp, layer, target };
      return [path, { ...file, names: type === 'd' ? '' : names.get(inode)!.sort().join(' ') }];
    }),
  );
}

describe.each([...new Set([FIXED_SEED, RUN_SEED])])('random layers, LAYERSLAYER_SEED=%i', (seed) => {
  beforeAll(() => mountRandom(seed));

  it('are as the rules, done naively, say', () => {
    const wanted = naiveImage(layers);
    const seen = mounted();
    // The root has no entry: which layer it comes from is nobody's business.
    wanted.delete('');
    seen.delete('');
    const show = (file: NaiveFile | undefined) => (file === undefined ? 'nothing' : JSON.stringify(file));
    const wrong = [...new Set([...wanted.keys(), ...seen.keys()])]
      .filter((path) => show(wanted.get(path)) !== show(seen.get(path)))
      .map((path) => `${path}: ${show(seen.get(path))}, want ${show(wanted.get(path))}`);
    const first = /^g\d+/.exec(wrong[0] ?? '')?.[0];
    const history = layers.flatMap((ops, number) =>
      ops
        .filter(({ path }) => first !== undefined && (path === first || path.startsWith(`${first}/`)))
        .map(
          ({ kind, path, target, stamp }) =>
            `layer ${number + 1}: ${kind} ${path} ${target ?? ''} (${stamp})`,
        ),
    );
    expect([...wrong.slice(0, 10), ...history], `${wrong.length} wrong`).toEqual([]);
  });

  it('show files with the times of the entries whose contents they have', () => {
    const wrong = [...listing].filter(
      ([path, { type, mtime }]) =>
        type === 'f' && Number(mtime) !== Number(sums.get(path)?.slice('content '.length)),
    );
    expect(wrong).toEqual([]);
  });
});
