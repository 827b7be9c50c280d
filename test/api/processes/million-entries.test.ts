import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LISTED_ENTRY, TREE_PAGE } from '#src/api/schemas/entry.js';
import { Workplace } from '../../support/mounts.js';
import { ServeProcess } from './serve-process.js';
import { writeSyntheticImage } from './synthetic-image.js';

const ENTRIES = 1_000_000;

/** A prime: names come in another order than they are sorted. */
const STRIDE = 7_919;

/** Entries of a page: the most that a client may ask for. */
const LIMIT = 10_000;

/** Entries that a test reads which does not read them all. */
const SOME = 50_000;

/** Of so many entries, one is checked against its schema. */
const CHECKED = 10_000;

/** Memory of the server: 440 MiB for lines, 580 MiB for pages (measured). */
const MEMORY_MAX = 900 * 2 ** 20;

/** Reading all takes 30 s of CPU. */
const WHOLE_MS = 300_000;

let place: Workplace;
let server: ServeProcess;
let image: string;

const nameOf = (i: number) => `name-${String(i).padStart(7, '0')}`;

beforeAll(async () => {
  place = new Workplace();
  const paths = function* () {
    for (let i = 0; i < ENTRIES; i++) yield `many/${nameOf((i * STRIDE) % ENTRIES)}`;
  };
  image = await writeSyntheticImage({ layout: join(place.scratch, 'layout'), cache: place.cache }, paths());
  server = await ServeProcess.start(place, [image]);
});
afterAll(async () => {
  await server?.end();
  await place?.cleanUp();
});

/** Reads lines, and compares each path with the one that should come. @returns how many came */
async function readLines(most = Number.POSITIVE_INFINITY): Promise<number> {
  const init = { headers: { Accept: 'application/x-ndjson' } };
  const response = await server.get('/api/v1/tree', { image, path: '/many' }, init);
  expect(response.status).toBe(200);
  const decoder = new TextDecoder();
  let count = 0;
  let rest = '';
  for await (const chunk of response.body!) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (count % CHECKED === 0) LISTED_ENTRY.parse(JSON.parse(line));
      if (!line.includes(`"path":"/many/${nameOf(count++)}"`)) throw new Error(`entry ${count} is ${line}`);
    }
    if (count >= most) break; // the client goes away
  }
  return count;
}

/** Reads pages, and compares as `readLines`. @returns how many entries came */
async function readPages(most = Number.POSITIVE_INFINITY): Promise<number> {
  let count = 0;
  let after: string | undefined;
  do {
    const query = { image, path: '/many', limit: LIMIT, ...(after !== undefined && { after }) };
    const response = await server.get('/api/v1/tree', query);
    expect(response.status).toBe(200);
    const { entries, next } = TREE_PAGE.parse(await response.json());
    expect(entries).toHaveLength(LIMIT);
    for (const { path } of entries)
      if (path !== `/many/${nameOf(count++)}`) throw new Error(`entry ${count} is ${path}`);
    after = next;
  } while (after !== undefined && count < most);
  return count;
}

async function openAnswers(): Promise<number> {
  const text = await (await server.get('/metrics')).text();
  return Number(/^layerslayer_open_answers (\d+)$/m.exec(text)![1]);
}

describe('a directory of a million names', () => {
  it('begins sorted, page by page and as lines, and ends with its client', async () => {
    expect(await readPages(SOME)).toBe(SOME);
    expect(await readLines(SOME)).toBeLessThan(2 * SOME);
    await expect.poll(openAnswers, { timeout: 2_000 }).toBe(1);
    expect(server.peakBytes).toBeLessThan(MEMORY_MAX);
  });

  it.runIf(process.env.LAYERSLAYER_TEST_ALL)(
    'comes whole, page by page and as lines, in bounded memory',
    { timeout: WHOLE_MS },
    async () => {
      expect(await readLines()).toBe(ENTRIES);
      expect(await readPages()).toBe(ENTRIES);
      expect(server.peakBytes).toBeLessThan(MEMORY_MAX);
    },
  );
});
