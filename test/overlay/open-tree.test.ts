import { expect, it } from 'vitest';
import { type ErrorCode, LayerslayerError } from '#src/base/errors.js';
import { SILENT_LOG } from '#src/base/log.js';
import type { IndexOrigin } from '#src/index/cached-indexes.js';
import type { Digest } from '#src/oci/digest.js';
import { encodedMerge } from '#src/overlay/merge/encoded-merge.js';
import { openTree, type TreeStore } from '#src/overlay/open-tree.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { entriesOf, file } from '../support/entries.js';

const digest = `sha256:${'ab'.repeat(32)}` as Digest;
const PUBLISHED: IndexOrigin = { kind: 'repository', repository: 'registry.test/indexes' };
const OWN: IndexOrigin = { kind: 'own' };

/** The names of the trees that are read and written. */
async function keysOf(origin: IndexOrigin, fingerprint: number): Promise<Set<string>> {
  const keys = new Set<string>();
  const cache: TreeStore = {
    read: async (key) => void keys.add(key),
    write: (key) => void keys.add(key),
    remove: async () => {},
  };
  const entries = entriesOf(file('a'));
  const layers = [{ number: 1, entries, layer: { digest, origin, fingerprint } }];
  const tree = await openTree(layers, {
    cache,
    log: SILENT_LOG,
    maker: { merge: async () => encodedMerge(layers) },
  });
  expect(tree.lookup(ROOT_INODE, Buffer.from('a'))).not.toBe(0);
  return keys;
}

it('has one name a tree, another for each index that others publish in one place', async () => {
  const [first, again, other] = [1, 1, 2].map((fingerprint) => keysOf(PUBLISHED, fingerprint));
  expect((await first)!.size).toBe(1);
  expect(await again).toEqual(await first);
  expect(await other).not.toEqual(await first);
});

it('has one name for own passes: they agree', async () => {
  expect(await keysOf(OWN, 1)).toEqual(await keysOf(OWN, 2));
});

it.each<[ErrorCode, string[]]>([
  ['CORRUPT_LAYER', ['removed', 'written']],
  ['INTERNAL', ['written']], // of the thread that loads it: the file may be right
])('a cached tree that can’t be loaded is merged again: %s', async (code, done) => {
  const calls: string[] = [];
  const cache: TreeStore = {
    read: async () => undefined,
    open: async () => ({ fd: -1, size: 1024 ** 2, close: () => {} }),
    write: () => calls.push('written'),
    remove: async () => void calls.push('removed'),
  };
  const layers = [
    { number: 1, entries: entriesOf(file('a')), layer: { digest, origin: OWN, fingerprint: 1 } },
  ];
  const maker = {
    merge: async () => encodedMerge(layers),
    load: async () => {
      throw new LayerslayerError(code, 'no');
    },
  };
  const tree = await openTree(layers, { cache, log: SILENT_LOG, maker });
  expect(tree.lookup(ROOT_INODE, Buffer.from('a'))).not.toBe(0);
  expect(calls).toEqual(done);
});
