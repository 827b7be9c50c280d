import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { ContentStore } from '#src/cache/content-store.js';
import {
  CachedIndexes,
  type IndexOrigin,
  type IndexProvider,
  type IndexTrust,
  isAdmitted,
  OWN,
  type ProvidedIndex,
} from '#src/index/cached-indexes.js';
import { encodeLayerIndex } from '#src/index/file/encode-index.js';
import type { Digest } from '#src/oci/digest.js';
import { digestOf } from '../blob/bytes.js';
import { cleanUp, onCleanUp, scratchDirectory, warningLog } from '../cache/scratch.js';
import { file, tarOf } from '../support/tar.js';
import { indexBlob } from './built-layer.js';

afterEach(cleanUp);

const blob = gzipSync(tarOf(file('a', 'content')));
const digest = digestOf(blob);
const { encoded, index: ownIndex } = await indexBlob(blob);

/** An index with the layer's digest and the entries of another. */
const { index: otherIndex } = await indexBlob(gzipSync(tarOf(file('b', 'content'), file('evil', ''))));
const lying = await encodeLayerIndex(
  { ...ownIndex, entries: otherIndex.entries },
  encoded.subarray(ownIndex.states.offset, ownIndex.states.offset + ownIndex.states.length),
);

const table = (n: number, isExact = true): IndexOrigin => ({
  ...{ kind: 'table', format: 'estargz', isExact },
  digest: `sha256:${n.toString(16).padStart(64, '0')}` as Digest,
});
const EXACT = table(1);
const LOSSY = table(1, false);
const REPOSITORY: IndexOrigin = { kind: 'repository', repository: 'r.example/indexes' };
const REFERRER: IndexOrigin = { kind: 'referrer', repository: 'r.example/app' };

function open(capBytes: number, directory = scratchDirectory()) {
  const warnings: string[] = [];
  const log = { ...warningLog(), warn: (message: string) => void warnings.push(message) };
  const indexes = new CachedIndexes(ContentStore.open({ directory, capBytes, log }), log);
  onCleanUp(() => indexes.close());
  const asked: string[] = [];
  /** A provider of indexes of one origin, which answers so. */
  const provider = (
    name: string,
    origin: IndexOrigin,
    answer: () => Omit<ProvidedIndex, 'origin'> | undefined = () => ({ bytes: encoded.slice() }),
  ): IndexProvider => ({
    origins: origin.kind === 'own' ? [] : [origin],
    async find() {
      asked.push(name);
      const found = answer();
      return found && { ...found, origin };
    },
  });
  const find = (...providers: IndexProvider[]) =>
    indexes.find(digest, { providers, onWait() {}, signal: new AbortController().signal });
  const pass = provider('own pass', OWN);
  return { asked, provider, find, pass, directory, warnings, indexes };
}

describe('the index of a layer', () => {
  it.each([0, 2 ** 30])(
    'is that of the first provider that has one, with a cache of %d bytes',
    async (cap) => {
      const { asked, provider, find, pass } = open(cap);
      const found = await find(
        provider('published', REPOSITORY, () => undefined),
        provider('table of contents', EXACT),
        pass,
      );
      expect(asked).toEqual(['published', 'table of contents']);
      expect([found.index.digest, found.index.entries.length, found.cached]).toEqual([digest, 1, false]);
      expect(found.origin).toEqual(EXACT);
    },
  );

  it('is cached: no provider is asked again, in this process or another', async () => {
    const { asked, pass, find, directory } = open(2 ** 30);
    await find(pass);
    expect((await find(pass)).cached).toBe(true);
    const other = open(2 ** 30, directory);
    expect((await other.find()).index.entries.length).toBe(1);
    expect([asked, other.asked]).toEqual([['own pass'], []]);
  });

  it('fails with the fault of a provider, or if none has one, and is found later', async () => {
    const { provider, find, pass } = open(2 ** 30);
    const fault = new LayerslayerError('CORRUPT_LAYER', 'no tar');
    const none = provider('published', REPOSITORY, () => undefined);
    const failing = provider('own pass', OWN, () => {
      throw fault;
    });
    await expect(find(none, failing)).rejects.toBe(fault);
    await expect(find(none)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect((await find(pass)).cached).toBe(false);
  });
});

describe('trust', () => {
  const ORIGINS: [string, IndexOrigin][] = [
    ['an own pass', OWN],
    ['an exact table', EXACT],
    ['a table that loses names', LOSSY],
    ['the index repository', REPOSITORY],
    ['a referrer', REFERRER],
  ];
  const LEVELS: [IndexTrust, number][] = [
    ['none', 1],
    ['exact', 2],
    ['image', 3],
    ['trusted', 4],
    ['any', 5],
  ];
  const cases = LEVELS.flatMap(([trust, admitted]) =>
    ORIGINS.map(([name, origin], i) => [trust, i < admitted ? 'admits' : 'refuses', name, origin] as const),
  );
  it.each(cases)('%s %s %s', (trust, verdict, _, origin) => {
    expect(isAdmitted(origin, { trust, repository: 'r.example/indexes' })).toBe(verdict === 'admits');
  });

  it('is not in another index repository', () => {
    expect(isAdmitted(REPOSITORY, { trust: 'any', repository: 'r.example/others' })).toBe(false);
    expect(isAdmitted(REPOSITORY, { trust: 'any' })).toBe(false);
  });
});

describe('a cached index of another origin', () => {
  it.each([
    ['an exact table', EXACT],
    ['a table that loses names', LOSSY],
    ['an index repository', REPOSITORY],
    ['a referrer', REFERRER],
  ])('of %s is found where that origin is accepted, in this process and another', async (_, origin) => {
    const first = open(2 ** 30);
    await first.find(first.provider('foreign', origin), first.pass);
    for (const { find, provider, asked } of [first, open(2 ** 30, first.directory)]) {
      asked.length = 0;
      const found = await find(provider('foreign', origin));
      expect([found.cached, found.origin, found.index.entries.length]).toEqual([true, origin, 1]);
      expect(asked).toEqual([]);
    }
  });

  it.each([
    ['nothing else', []],
    ['another table', [table(2)]],
    ['the same table, but exact', [EXACT]],
    ['an index repository', [REPOSITORY]],
  ])('is absent where the accepted are: %s', async (_, origins) => {
    const { find, provider, pass, asked } = open(2 ** 30);
    await find(provider('foreign', LOSSY), pass);
    const others = origins.map((origin) => provider('other', origin, () => undefined));
    expect((await find(...others, pass)).origin).toEqual(OWN);
    expect(asked).toEqual(['foreign', ...origins.map(() => 'other'), 'own pass']);
  });

  it('is taken after that of an own pass, and before a provider is asked', async () => {
    const { find, provider, pass, asked, indexes } = open(2 ** 30);
    await find(provider('referrer', REFERRER));
    const found = await find(provider('table', EXACT), provider('referrer', REFERRER), pass);
    expect([found.origin, asked]).toEqual([REFERRER, ['referrer']]);
    expect((await indexes.load(digest, [EXACT, REFERRER]))?.origin).toEqual(REFERRER);
    expect(await indexes.load(digest, [EXACT])).toBeUndefined();
    await find(pass);
    expect((await find(provider('table', EXACT), pass)).origin).toEqual(OWN);
  });

  it('is made again when its origin is damaged', async () => {
    const { find, provider, directory, warnings } = open(2 ** 30);
    await find(provider('table', EXACT));
    const [name] = readdirSync(join(directory, 'v2/index/3'));
    const path = join(directory, 'v2/index/3', name!);
    truncateSync(path, statSync(path).size - 1);
    expect((await find(provider('table', EXACT))).cached).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('its origin is missing')]);
  });
});

describe('an own pass', () => {
  it('replaces indexes of other origins that agree', async () => {
    const { find, provider, pass, directory, warnings } = open(2 ** 30);
    await find(provider('table', EXACT));
    await find(provider('repository', REPOSITORY));
    await find(pass);
    expect(readdirSync(join(directory, 'v2/index/3'))).toEqual([digest]);
    expect(warnings).toEqual([]);
  });

  it('refutes one that does not agree: it is named and never used again', async () => {
    const first = open(2 ** 30);
    const liar = (from: typeof first) => from.provider('table', EXACT, () => ({ bytes: lying.slice() }));
    expect((await first.find(liar(first))).index.entries.length).toBe(2);
    await first.find(first.pass);
    expect(first.warnings).toEqual([
      expect.stringMatching(
        /^the eStargz table sha256:0+… does not agree with layer sha256:.*: the name of a$/,
      ),
    ]);
    for (const again of [first, open(2 ** 30, first.directory)]) {
      again.asked.length = 0;
      // As if our own index had been evicted.
      const own = join(first.directory, 'v2/index/3', digest);
      rmSync(own);
      expect(await again.indexes.load(digest, [EXACT])).toBeUndefined();
      expect((await again.find(liar(again), again.pass)).origin).toEqual(OWN);
      expect(again.asked).toEqual(['own pass']);
    }
  });

  it('is made while a pass in the background, which pauses for reads, is under way', async () => {
    const { find, pass, indexes } = open(2 ** 30);
    let isUnderWay = () => {};
    const started = new Promise<void>((resolve) => {
      isUnderWay = resolve;
    });
    let goOn = () => {};
    const paused = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slowPass = async () => {
      isUnderWay();
      await paused;
      return { bytes: encoded.slice(), origin: OWN };
    };
    const proving = indexes.prove(digest, slowPass, new AbortController().signal);
    await started;
    expect((await find(pass)).origin).toEqual(OWN);
    goOn();
    expect(await proving).toBeUndefined();
  });

  it('believes a comparison that the pass has made', async () => {
    const { find, provider, directory, warnings } = open(2 ** 30);
    await find(provider('table', EXACT));
    const [stored] = readdirSync(join(directory, 'v2/index/3'));
    const name = stored!.slice(digest.length);
    await find(
      provider('own pass', OWN, () => ({
        bytes: encoded.slice(),
        comparisons: [{ name, difference: 'the content of a' }],
      })),
    );
    expect(warnings).toEqual([expect.stringContaining('it is not used any more: the content of a')]);
  });
});

describe('a refuted origin', () => {
  it.each([0, 2 ** 30])('is not asked again, with a cache of %d bytes', async (cap) => {
    const { find, provider, pass, asked, indexes } = open(cap);
    await indexes.refute(digest, EXACT, 'it is damaged');
    expect(await indexes.isRefuted(digest, EXACT)).toBe(true);
    expect((await find(provider('table', EXACT), pass)).origin).toEqual(OWN);
    expect(asked).toEqual(['own pass']);
  });

  it.each([
    ['cleared', 0],
    ['pruned to nothing by its cap', 1],
  ])('is not asked by another process either, also when the cache was %s', async (_, toBytes) => {
    const first = open(2 ** 30);
    await first.find(first.pass);
    await first.indexes.refute(digest, REPOSITORY, 'it lies');
    const store = await ContentStore.open({
      directory: first.directory,
      capBytes: 2 ** 30,
      log: warningLog(),
    });
    await store.prune(toBytes);
    expect((await store.entries()).map(({ kind }) => kind)).toEqual(['refutation']);
    await store.close();
    const { find, provider, pass, asked } = open(2 ** 30, first.directory);
    expect((await find(provider('published', REPOSITORY), pass)).origin).toEqual(OWN);
    expect(asked).toEqual(['own pass']);
  });
});

describe('preloading', () => {
  it('loads the index of the origin that was recorded, if there is no own one', async () => {
    const first = open(2 ** 30);
    await first.find(first.provider('table', EXACT));
    const { indexes, find, provider, pass, asked } = open(2 ** 30, first.directory);
    let missing = 0;
    indexes.preload(
      () => [{ digest, origin: EXACT }],
      () => missing++,
    );
    const found = await find(provider('table', EXACT), pass);
    expect([found.origin, found.cached, missing, asked]).toEqual([EXACT, true, 0, []]);
  });

  it('gives nothing where that origin is not accepted', async () => {
    const first = open(2 ** 30);
    await first.find(first.provider('table', EXACT));
    const { indexes, find, pass } = open(2 ** 30, first.directory);
    indexes.preload(
      () => [{ digest, origin: EXACT }],
      () => {},
    );
    expect((await find(pass)).origin).toEqual(OWN);
  });
});
