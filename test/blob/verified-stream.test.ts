import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { CachedPages, PageRunWriter, pageRunKey, RUN_LENGTH } from '#src/blob/blocks/cached-pages.js';
import { streamVerified, type VerifiedStreamOptions } from '#src/blob/verified-stream.js';
import { ContentStore } from '#src/cache/content-store.js';
import { cleanUp, scratchDirectory, warningLog } from '../cache/scratch.js';
import { blockDigestsOf, cachedPage, digestOf, noise, PAGE, pageOf, same } from './bytes.js';
import { type Fault, FaultySource } from './faulty-source.js';
import { SIZES } from './reader-suite.js';

const BYTES = noise(5 * PAGE + 99);
const COUNT = 6;

afterEach(cleanUp);

/** A few buffers that go round, as between two threads: who takes one too many waits. */
class Ring {
  readonly #idle: Uint8Array[];
  readonly #waiting: ((buffer: Uint8Array) => void)[] = [];

  constructor(count: number) {
    this.#idle = Array.from({ length: count }, () => new Uint8Array(PAGE));
  }

  take(): Uint8Array | Promise<Uint8Array> {
    return this.#idle.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(buffer: Uint8Array): void {
    buffer.fill(0xdd); // whoever still reads it gets rubbish
    const waiting = this.#waiting.shift();
    if (waiting) waiting(buffer);
    else this.#idle.push(buffer);
  }
}

async function openStore(capBytes = 64 * 1024 * 1024, directory = join(scratchDirectory(), 'cache')) {
  return { directory, store: await ContentStore.open({ directory, capBytes, log: warningLog() }) };
}

/** Streams and gathers what the consumer gets. */
async function gather(
  source: FaultySource,
  store: ContentStore,
  options: Partial<VerifiedStreamOptions> = {},
) {
  const ring = new Ring(2);
  const got: Uint8Array[] = [];
  let bytes = 0;
  const log = warningLog();
  const digest = options.digest ?? digestOf(BYTES);
  const blockDigests = await streamVerified(source, {
    keepsPages: true,
    digest,
    store,
    onStart: () => {
      got.length = 0;
      bytes = 0;
      return 0;
    },
    takeBuffer: () => ring.take(),
    onPart: (page, offset) => {
      expect(offset).toBe(got.length * PAGE);
      got.push(page.slice());
      bytes += page.length;
      // Released later, as another thread would.
      setImmediate(() => ring.give(new Uint8Array(page.buffer)));
    },
    log,
    ...options,
  });
  return { got: Buffer.concat(got), blockDigests, bytes, warnings: log.warnings };
}

const keptPages = async (store: ContentStore) => (await store.entries()).length;

describe('streamVerified', () => {
  test.each(SIZES)('hands all pages over in order and keeps them (%d bytes)', async (size) => {
    const bytes = noise(size);
    const { store } = await openStore();
    const result = await gather(new FaultySource(bytes), store, { digest: digestOf(bytes) });
    expect(same(result.got, bytes)).toBe(true);
    expect(same(result.blockDigests, blockDigestsOf(bytes))).toBe(true);
    expect(result.bytes).toBe(size);
    for (let number = 0; number * PAGE < size; number++) {
      expect(same(cachedPage(new CachedPages(store, digestOf(bytes)), number), pageOf(bytes, number))).toBe(
        true,
      );
    }
    expect(await keptPages(store)).toBe(Math.ceil(size / (RUN_LENGTH * PAGE)));
  });

  test.each([1, 1000, PAGE, PAGE + 1, 3 * PAGE])('whatever the chunks (%d bytes)', async (chunkLength) => {
    const bytes = BYTES.subarray(0, chunkLength === 1 ? PAGE + 2 : undefined);
    const { store } = await openStore(0);
    const result = await gather(new FaultySource(bytes, undefined, chunkLength), store, {
      digest: digestOf(bytes),
    });
    expect(same(result.got, bytes)).toBe(true);
  });

  test.each([
    [0, 0],
    [2 * PAGE, 2], // a whole page and the last, short one
  ])('works when the cap (%d bytes) keeps little or nothing', async (capBytes, kept) => {
    const { store } = await openStore(capBytes);
    expect(same((await gather(new FaultySource(BYTES), store)).got, BYTES)).toBe(true);
    expect(await keptPages(store)).toBe(kept);
  });

  test('a SHA-512 blob', async () => {
    const { store } = await openStore();
    const result = await gather(new FaultySource(BYTES), store, { digest: digestOf(BYTES, 'sha512') });
    expect(same(result.blockDigests, blockDigestsOf(BYTES))).toBe(true);
  });

  test('takes up where an interrupted pass stopped', async () => {
    const { store } = await openStore();
    const gone = new LayerslayerError('REGISTRY_UNAVAILABLE', 'gone');
    const broken = new FaultySource(BYTES, () => ({ failAt: 3 * PAGE + 10, with: gone }));
    await expect(gather(broken, store)).rejects.toBe(gone);
    const whole = new FaultySource(BYTES);
    const result = await gather(whole, store);
    expect(whole.requests).toEqual([`${3 * PAGE}-${BYTES.length}`]);
    expect(same(result.got, BYTES)).toBe(true);
    expect([same(result.blockDigests, blockDigestsOf(BYTES)), result.bytes]).toEqual([true, BYTES.length]);
  });

  test('all pages on disk: no request', async () => {
    const { store } = await openStore();
    await gather(new FaultySource(BYTES), store);
    const source = new FaultySource(BYTES);
    expect(same((await gather(source, store)).got, BYTES)).toBe(true);
    expect(source.requests).toEqual([]);
  });

  test('a kept page that is damaged is found out by the digest, and all is fetched', async () => {
    const { store, directory } = await openStore();
    await gather(new FaultySource(BYTES), store);
    writeFileSync(join(directory, 'v2/pages', pageRunKey(digestOf(BYTES), 0)), noise(BYTES.length, 9));
    const source = new FaultySource(BYTES);
    const result = await gather(source, store);
    expect(same(result.got, BYTES)).toBe(true);
    expect(result.warnings).toEqual([
      expect.stringMatching(/^content is sha256:.*, want sha256:.*; trying once more$/),
    ]);
    expect(source.requests).toEqual([`0-${BYTES.length}`]);
    expect(same(cachedPage(new CachedPages(store, digestOf(BYTES)), 2), pageOf(BYTES, 2))).toBe(true);
  });

  test.each<[string, Fault, RegExp]>([
    ['a wrong byte', { damageAt: 4 * PAGE }, /^content is sha256:\w{12}…, want sha256:\w{12}…$/],
    ['too few bytes', { endAt: 4 * PAGE }, /^reading sha256:\w{12}…: got \d+ bytes, want \d+$/],
  ])('%s: DIGEST_MISMATCH, and nothing stays on disk', async (_, fault, message) => {
    const { store } = await openStore();
    const source = new FaultySource(BYTES, () => fault, PAGE / 4);
    await expect(gather(source, store)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringMatching(message),
    });
    expect(await keptPages(store)).toBe(0);
  });

  test.each<[string, Fault]>([
    ['a wrong byte', { damageAt: 4 * PAGE }],
    ['too few bytes', { endAt: 4 * PAGE }],
  ])('%s once: all comes again over another connection, and is right', async (_, fault) => {
    const { store } = await openStore();
    const source = new FaultySource(BYTES, (_, __, request) => (request === 0 ? fault : undefined), PAGE / 4);
    const starts: boolean[] = [];
    const result = await gather(source, store);
    expect(same(result.got, BYTES)).toBe(true);
    expect([result.bytes, source.reconnects, result.warnings.length]).toEqual([BYTES.length, 1, 1]);
    expect(same(cachedPage(new CachedPages(store, digestOf(BYTES)), 4), pageOf(BYTES, 4))).toBe(true);
    const chunked = new FaultySource(
      BYTES,
      (_, __, request) => (request === 0 ? fault : undefined),
      PAGE / 4,
    );
    const parts: Buffer[] = [];
    await gather(chunked, (await openStore(0)).store, {
      takeBuffer: undefined,
      keepsPages: false,
      onStart: (isRetry) => {
        starts.push(isRetry);
        parts.length = 0;
        return 0;
      },
      onPart: (bytes) => void parts.push(Buffer.from(bytes)),
    });
    expect(starts).toEqual([false, true]);
    expect(same(Buffer.concat(parts), BYTES)).toBe(true);
  });

  test('cached pages anywhere are not fetched, and an interrupted run is fetched in one request', async () => {
    const bytes = noise((2 * RUN_LENGTH + 3) * PAGE);
    const { store } = await openStore();
    const digest = digestOf(bytes);
    const cached = new CachedPages(store, digest);
    const interrupted = new PageRunWriter(cached, bytes.length);
    for (const page of [0, 1]) await interrupted.add(page, pageOf(bytes, page));
    await interrupted.end();
    for (const page of [RUN_LENGTH + 2, 2 * RUN_LENGTH]) await cached.write(page, pageOf(bytes, page));
    const source = new FaultySource(bytes);
    const parts: Buffer[] = [];
    await gather(source, store, {
      digest,
      keepsPages: false,
      takeBuffer: undefined,
      onPart: (part) => void parts.push(Buffer.from(part)),
    });
    expect(same(Buffer.concat(parts), bytes)).toBe(true);
    const ranges = [
      [2, RUN_LENGTH + 2],
      [RUN_LENGTH + 3, 2 * RUN_LENGTH],
      [2 * RUN_LENGTH + 1, 2 * RUN_LENGTH + 3],
    ];
    expect(source.requests).toEqual(ranges.map(([from, to]) => `${from! * PAGE}-${to! * PAGE}`));
  });

  test('begins after what the receiver has, which counts for the digest', async () => {
    const { store } = await openStore(0);
    const source = new FaultySource(BYTES);
    const parts: Buffer[] = [];
    await gather(source, store, {
      hasBlockDigests: false,
      onStart: async (_, hasher) => {
        hasher.update(BYTES.subarray(0, 2 * PAGE));
        return 2 * PAGE;
      },
      takeBuffer: undefined,
      onPart: (part) => void parts.push(Buffer.from(part)),
    });
    expect(same(Buffer.concat(parts), BYTES.subarray(2 * PAGE))).toBe(true);
    expect(source.requests).toEqual([`${2 * PAGE}-${BYTES.length}`]);
  });

  test('more bytes than asked for are refused', async () => {
    const { store } = await openStore();
    const source = new FaultySource(BYTES);
    source.stream = async (_, __, onChunk) => {
      await onChunk(BYTES);
      await onChunk(BYTES);
    };
    await expect(gather(source, store)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await keptPages(store)).toBe(0);
  });

  test.each([
    [
      'throws',
      () => {
        throw new LayerslayerError('CORRUPT_LAYER', 'no tar');
      },
    ],
    ['rejects', () => Promise.reject(new LayerslayerError('CORRUPT_LAYER', 'no tar'))],
  ])('a receiver that %s ends it, and nothing stays on disk', async (_, onPart) => {
    const { store } = await openStore();
    await expect(gather(new FaultySource(BYTES), store, { onPart })).rejects.toMatchObject({
      code: 'CORRUPT_LAYER',
    });
    expect(await keptPages(store)).toBe(0);
  });

  test('an abort ends it though the consumer gives nothing back, and what came stays', async () => {
    const { store } = await openStore();
    const aborter = new AbortController();
    const { signal } = aborter;
    const ring = new Ring(2);
    const handed: number[] = [];
    const pass = gather(new FaultySource(BYTES), store, {
      takeBuffer: () => ring.take(),
      onPart: (_, offset) => void handed.push(offset / PAGE),
      signal,
    });
    while (handed.length < 2) await nextTurn();
    aborter.abort(new LayerslayerError('ABORTED', 'interrupted'));
    await expect(pass).rejects.toMatchObject({ code: 'ABORTED' });
    expect(handed).toEqual([0, 1]);
    const kept = new CachedPages(store, digestOf(BYTES));
    expect([0, 1].map((number) => same(cachedPage(kept, number), pageOf(BYTES, number)))).toEqual([
      true,
      true,
    ]);
  });

  test('an aborted one asks nothing of anybody', async () => {
    const { store } = await openStore();
    const source = new FaultySource(BYTES);
    const signal = AbortSignal.abort(new LayerslayerError('ABORTED', 'before'));
    await expect(gather(source, store, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(source.requests).toEqual([]);
  });

  test('with two buffers in circulation at most two pages are under way', async () => {
    const { store } = await openStore(0);
    let out = 0;
    let most = 0;
    let bytes = 0;
    await gather(new FaultySource(BYTES), store, {
      takeBuffer: () => {
        most = Math.max(most, ++out);
        return new Uint8Array(PAGE);
      },
      onPart: async (page) => {
        bytes += page.length;
        for (let i = 0; i < 5; i++) await nextTurn();
        out--;
      },
    });
    expect(bytes).toBe(BYTES.length);
    expect(most).toBeLessThanOrEqual(3); // one at the consumer, one filled and waiting for it, one being filled
    expect(COUNT).toBe(Math.ceil(BYTES.length / PAGE));
  });
});
