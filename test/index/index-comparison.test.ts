import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { differenceOf } from '#src/index/index-comparison.js';
import type { IndexOrigin } from '#src/index/index-origin.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import type { Digest } from '#src/oci/digest.js';
import { type Attributes, dir, file, hardlink, paxSparse, symlink, tarOf, whiteout } from '../support/tar.js';
import { indexBlob } from './built-layer.js';

const DIGEST = `sha256:${'1'.repeat(64)}` as Digest;
const table = (isExact: boolean): IndexOrigin => ({
  ...{ kind: 'table', format: 'estargz', digest: DIGEST, isExact },
});
const REPOSITORY: IndexOrigin = { kind: 'repository', repository: 'r.example/indexes' };

async function indexOf(...members: Uint8Array[]): Promise<LayerIndex> {
  return (await indexBlob(gzipSync(tarOf(...members)))).index;
}

/** The members as a table of the blob of `own` would have them. */
async function tableOf(own: LayerIndex, ...members: Uint8Array[]): Promise<LayerIndex> {
  const { entries } = await indexOf(...members);
  return { ...own, entries, verification: { kind: 'spans', digests: new Uint8Array(0) } };
}

const raw = (...bytes: number[]) => Buffer.from(bytes);

describe('a table agrees with the layer', () => {
  const timed = (mtime: Attributes['mtime']) => file('a', 'x', { mtime: mtime! });
  it.each<[string, Uint8Array[], Uint8Array[]]>([
    ['the same entries', [dir('d/'), file('d/a', 'x')], [dir('d/'), file('d/a', 'x')]],
    ['names that are cleaned', [dir('./d/'), file('./d//a')], [dir('d'), file('d/a')]],
    ['seconds rounded down', [timed('1500000000.4')], [timed(1500000000)]],
    ['seconds cut', [timed('1500000000.9')], [timed(1500000000)]],
    ['seconds rounded up at the half', [timed('1500000000.5')], [timed(1500000001)]],
    ['seconds before 1970', [timed('-1.5')], [timed(-1)]],
    ['a table file at the end', [file('a'), file('stargz.index.json', '{}')], [file('a')]],
    ['a landmark', [file('.no.prefetch.landmark', '\x0f'), file('a')], [file('a')]],
    [
      'a landmark in the table',
      [file('./.prefetch.landmark', 'x'), file('a')],
      [file('.prefetch.landmark', 'x'), file('a')],
    ],
    [
      'xattrs in another order',
      [file('a', '', { xattrs: { 'user.b': '1', 'user.a': '2' } })],
      [file('a', '', { xattrs: { 'user.a': '2', 'user.b': '1' } })],
    ],
    [
      'a hard link with other attributes',
      [file('a'), hardlink('./b', './a', { mode: 0o600 })],
      [file('a'), hardlink('b', 'a')],
    ],
    [
      'a sparse file without its map',
      [paxSparse('1.0', 'a', 6, [{ offset: 3, data: 'abc' }])],
      [file('a', '\0\0\0abc')],
    ],
    ['nothing', [], []],
  ])('with %s', async (_, own, other) => {
    const layer = await indexOf(...own);
    expect(differenceOf(layer, await tableOf(layer, ...other), table(true))).toBeUndefined();
  });

  it('whose names JSON has lost, if it is known to lose them', async () => {
    const layer = await indexOf(file(raw(0x61, 0xff, 0xfe)), symlink('s', raw(0xe9)));
    const lossy = await tableOf(layer, file('a\ufffd\ufffd'), symlink('s', '\ufffd'));
    expect(differenceOf(layer, lossy, table(false))).toBeUndefined();
    expect(differenceOf(layer, lossy, table(true))).toMatch(/^the name of /);
  });
});

describe('a table does not agree', () => {
  const own = [dir('d/'), file('d/a', 'xyz'), symlink('s', 'd/a')];
  it.each<[string, Uint8Array[], string]>([
    ['another name', [dir('d/'), file('d/b', 'xyz'), symlink('s', 'd/a')], 'the name of d/a'],
    ['another size', [dir('d/'), file('d/a', 'xy'), symlink('s', 'd/a')], 'the size of d/a'],
    ['another kind', [dir('d/'), symlink('d/a', 'x'), symlink('s', 'd/a')], 'the kind of d/a'],
    ['another target', [dir('d/'), file('d/a', 'xyz'), symlink('s', './d/a')], 'the link target of s'],
    ['a mode', [dir('d/'), file('d/a', 'xyz', { mode: 0o4755 }), symlink('s', 'd/a')], 'the mode of d/a'],
    ['an owner', [dir('d/'), file('d/a', 'xyz', { uid: 7 }), symlink('s', 'd/a')], 'the uid of d/a'],
    [
      'a time',
      [dir('d/'), file('d/a', 'xyz', { mtime: 1500000001 }), symlink('s', 'd/a')],
      'the time of d/a',
    ],
    [
      'an xattr',
      [dir('d/'), file('d/a', 'xyz', { xattrs: { 'security.capability': 'x' } }), symlink('s', 'd/a')],
      'the xattrs of d/a',
    ],
    ['an entry missing', [dir('d/'), file('d/a', 'xyz')], 's is missing in it'],
    [
      'an entry more',
      [dir('d/'), file('d/a', 'xyz'), symlink('s', 'd/a'), whiteout('etc/shadow')],
      'etc/.wh.shadow is not in the layer',
    ],
  ])('with %s', async (_, other, difference) => {
    const layer = await indexOf(...own);
    expect(differenceOf(layer, await tableOf(layer, ...other), table(false))).toBe(difference);
  });

  it('about another blob', async () => {
    const layer = await indexOf(...own);
    const other = await tableOf(layer, ...own);
    expect(differenceOf(layer, { ...other, blobSize: layer.blobSize + 1 }, table(true))).toMatch(/^it says/);
    expect(differenceOf(layer, { ...other, codec: 'zstd' }, table(true))).toBe(
      'it says zstd, the layer is gzip',
    );
  });
});

describe('a published index', () => {
  it('agrees when all that reading depends on is the same', async () => {
    const layer = await indexOf(dir('d/'), file('d/a', 'xyz', { mtime: '5.25' }));
    expect(differenceOf(layer, { ...layer }, REPOSITORY)).toBeUndefined();
  });

  it('has exact times and positions, digests and checkpoints', async () => {
    const layer = await indexOf(file('a', 'xyz', { mtime: '1500000000.25' }));
    const rounded = { ...layer, entries: (await indexOf(file('a', 'xyz'))).entries };
    // Without the PAX header the content begins earlier.
    expect(differenceOf(layer, rounded, REPOSITORY)).toBe('the position of a');
    const digests = new Uint8Array(32);
    const verification = { kind: 'blocks', blockSize: 65536, digests } as const;
    expect(differenceOf(layer, { ...layer, verification }, REPOSITORY)).toBe('the digests of its blocks');
    const { checkpoints } = layer;
    const moved = { ...checkpoints, inOffsets: checkpoints.inOffsets.map((offset) => offset + 1) };
    expect(differenceOf(layer, { ...layer, checkpoints: moved }, REPOSITORY)).toBe('checkpoint 0');
    const crcs = { ...checkpoints, stateCrcs: checkpoints.stateCrcs.map((crc) => crc ^ 1) };
    expect(differenceOf(layer, { ...layer, checkpoints: crcs }, REPOSITORY)).toBe(
      'the state of checkpoint 0',
    );
  });
});
