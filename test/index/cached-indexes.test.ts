import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { ContentStore } from '#src/cache/content-store.js';
import { CachedIndexes, type FoundIndex, type IndexProvider } from '#src/index/cached-indexes.js';
import { digestOf } from '../blob/bytes.js';
import { cleanUp, onCleanUp, scratchDirectory, warningLog } from '../cache/scratch.js';
import { file, tarOf } from '../support/tar.js';
import { indexBlob } from './built-layer.js';

afterEach(cleanUp);

const blob = gzipSync(tarOf(file('a', 'content')));
const digest = digestOf(blob);
const { encoded } = await indexBlob(blob);

function open(capBytes: number, directory = scratchDirectory()) {
  const log = warningLog();
  const indexes = new CachedIndexes(ContentStore.open({ directory, capBytes, log }), log);
  onCleanUp(() => indexes.close());
  const asked: string[] = [];
  /** What a provider called so answers. */
  const provider = (name: string, answer: () => FoundIndex | undefined): IndexProvider => ({
    async find() {
      asked.push(name);
      return answer();
    },
  });
  const find = (...providers: IndexProvider[]) =>
    indexes.find(digest, { providers, onWait() {}, signal: new AbortController().signal });
  return { asked, provider, find, directory };
}

describe('the index of a layer', () => {
  it.each([0, 2 ** 30])(
    'is that of the first provider that has one, with a cache of %d bytes',
    async (cap) => {
      const { asked, provider, find } = open(cap);
      const found = await find(
        provider('published', () => undefined),
        provider('table of contents', () => ({ bytes: encoded.slice() })),
        provider('own pass', () => ({ bytes: encoded.slice() })),
      );
      expect(asked).toEqual(['published', 'table of contents']);
      expect([found.index.digest, found.index.entries.length, found.cached]).toEqual([digest, 1, false]);
    },
  );

  it('is cached: no provider is asked again, in this process or another', async () => {
    const { asked, provider, find, directory } = open(2 ** 30);
    const pass = provider('own pass', () => ({ bytes: encoded.slice() }));
    await find(pass);
    expect((await find(pass)).cached).toBe(true);
    const other = open(2 ** 30, directory);
    expect((await other.find()).index.entries.length).toBe(1);
    expect([asked, other.asked]).toEqual([['own pass'], []]);
  });

  it('fails with the fault of a provider, or if none has one, and is found later', async () => {
    const { provider, find } = open(2 ** 30);
    const fault = new LayerslayerError('CORRUPT_LAYER', 'no tar');
    const failing = provider('own pass', () => {
      throw fault;
    });
    await expect(
      find(
        provider('published', () => undefined),
        failing,
      ),
    ).rejects.toBe(fault);
    await expect(find(provider('published', () => undefined))).rejects.toMatchObject({ code: 'INTERNAL' });
    expect((await find(provider('own pass', () => ({ bytes: encoded.slice() })))).cached).toBe(false);
  });
});
