import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { estargz, type StargzEntry } from '../support/estargz.js';
import { Workplace } from '../support/mounts.js';
import { type LayerToPush, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, symlink, tarOf } from '../support/tar.js';
import { type Listing, listTree } from '../support/tree-listing.js';
import { compressZstd } from '../support/zstd.js';

/** One image in all encodings, by both transports: the trees are the same. */

const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 255));
const text = Buffer.from('line of text, repeated\n'.repeat(20_000));

const BASE: readonly StargzEntry[] = [
  { path: 'etc/' },
  { path: 'etc/os-release', content: 'NAME=test\n' },
  { path: 'etc/empty', content: '' },
  { path: 'etc/link', target: 'os-release' },
  { path: 'usr/' },
  { path: 'usr/noise', content: noise },
  { path: 'usr/text', content: text },
  { path: 'usr/replaced', content: 'lower\n' },
  { path: 'usr/deleted', content: 'lower\n' },
  { path: 'opaque/' },
  { path: 'opaque/hidden', content: 'lower\n' },
];
const TOP: readonly StargzEntry[] = [
  { path: 'opaque/' },
  { path: 'opaque/.wh..wh..opq', content: '' },
  { path: 'opaque/shown', content: 'upper\n' },
  { path: 'usr/.wh.deleted', content: '' },
  { path: 'usr/replaced', content: text.subarray(0, 70_000) },
];

const plainTar = (entries: readonly StargzEntry[]) =>
  tarOf(
    ...entries.map(({ path, content = '', target }) => {
      if (target !== undefined) return symlink(path, target);
      return path.endsWith('/') ? dir(path) : file(path, content);
    }),
  );

/** Encodes parts of a tar, each by itself. */
const inParts = (tar: Uint8Array, encode: (part: Uint8Array) => Uint8Array) => {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < tar.length; at += 100_000) parts.push(encode(tar.subarray(at, at + 100_000)));
  return Buffer.concat(parts);
};

const ENCODINGS: Record<string, (entries: readonly StargzEntry[]) => LayerToPush | Uint8Array> = {
  plain: plainTar,
  gzip: (entries) => gzipSync(plainTar(entries)),
  'gzip-members': (entries) => inParts(plainTar(entries), (part) => gzipSync(part)),
  zstd: (entries) => compressZstd(plainTar(entries)),
  'zstd-frames': (entries) => inParts(plainTar(entries), (part) => compressZstd(part, ['-19'])),
  estargz,
};
/** Layers without an entry. */
const EMPTY: readonly Uint8Array[] = [
  new Uint8Array(0),
  new Uint8Array(1024),
  gzipSync(new Uint8Array(1024)),
];

const TRANSPORTS = process.arch === 'x64' ? ['dev-fuse', 'fuse-native'] : ['dev-fuse'];
const names = Object.keys(ENCODINGS);

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    const top = encode(TOP);
    await pushImage(registry, `${name}:latest`, { layers: [...EMPTY, encode(BASE), top, top] });
  }
});
afterAll(() => registry?.stop());

describe.each(TRANSPORTS)('by %s, one image in all encodings', (transport) => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.cleanUp());

  /** What encodings may change is left out: inodes are in the order of the data. */
  const seen = async (encoding: string) => {
    const image = `${registry.host}/${encoding}:latest`;
    const mnt = await place.mount(image, encoding, ['--transport', transport]);
    const listing: Listing = await listTree(mnt);
    await place.unmount(mnt);
    return [...listing].map(([path, listed]) => [path, { ...listed, inode: '' }]).toSorted();
  };

  it('is the same tree', async () => {
    const plain = await seen('plain');
    expect(plain.map(([path]) => path)).toEqual(
      ['', 'etc', 'etc/empty', 'etc/link', 'etc/os-release', 'opaque', 'opaque/shown']
        .concat(['usr', 'usr/noise', 'usr/replaced', 'usr/text'])
        .toSorted(),
    );
    for (const encoding of names) expect([encoding, await seen(encoding)]).toEqual([encoding, plain]);
  });
});
