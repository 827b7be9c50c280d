/** A client that goes away ends its work within a second, whatever it asked for. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { IMAGE } from '#src/api/schemas/image.js';
import { EntryColumns } from '#src/index/entry-columns.js';
import { file, tarOf } from '../../support/tar.js';
import { type QueryValues, Served } from '../served.js';

/** Answers are longer than the kernel's buffers of a connection. */
const MANY = 60_000;
const LARGE = 24 * 1024 * 1024;
const NAME = 'a-name-that-makes-each-line-of-a-listing-long-enough-for-the-buffers-of-sockets';

let served: Served;
beforeAll(async () => {
  const many = Array.from({ length: MANY }, (_, i) => file(`many/${NAME}${i}`));
  const large = file('large', randomBytes(LARGE));
  served = await Served.start({ many: [Buffer.concat([...many, tarOf()])], large: [tarOf(large)] });
  for (const tag of ['many', 'large'])
    await served.json('/api/v1/tree', { image: served.image(tag) }, TREE_PAGE);
});
afterAll(() => served.close());

/** What the server has under way: answers beside the one that says so, and threads. */
async function underWay(): Promise<string> {
  const text = await (await served.get('/metrics')).text();
  const value = (name: string) => Number(new RegExp(`^layerslayer_${name} (\\d+)$`, 'm').exec(text)![1]);
  return `${value('open_answers') - 1} answers, ${value('analysis_threads')} threads`;
}

/** Asks, and reads nothing of the answer. */
function ask(path: string, query: QueryValues): Socket {
  const url = new URL(served.url(path, query));
  const socket = connect(Number(url.port), url.hostname);
  socket.on('error', () => {});
  const head = ['Accept: application/x-ndjson', `Host: ${url.host}`];
  socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

/** Returns how many rows this thread reads meanwhile. */
async function rowsSeen(ms: number): Promise<number> {
  const spy = vi.spyOn(EntryColumns.prototype, 'kind');
  try {
    await sleep(ms);
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

const many = () => served.image('many');
const large = () => served.image('large');
const layerOf = async (image: string) =>
  (await served.json('/api/v1/image', { image }, IMAGE)).layers[0]!.digest;

type Asked = readonly [path: string, query: QueryValues];
const ROUTES: Record<string, () => Asked | Promise<Asked>> = {
  '/diff': () => ['/api/v1/diff', { image: many(), other: large() }],
  '/find': () => ['/api/v1/find', { image: many(), pattern: '*' }],
  '/du': () => ['/api/v1/du', { image: many(), files: 1 }],
  '/tar': () => ['/api/v1/tar', { image: many() }],
  '/tree': () => ['/api/v1/tree', { image: many(), path: '/many' }],
  '/file': () => ['/api/v1/file', { image: large(), path: '/large' }],
  '/layers': async () => [`/api/v1/layers/${await layerOf(large())}`, { image: large() }],
  '/fslog': () => ['/fslog', { image: many(), path: '/many' }],
  '/fslog-search': () => ['/fslog-search', { image: many(), q: NAME }],
  '/peek': () => ['/peek', { image: many() }],
  '/carve': () => ['/carve', { image: large(), path: '/large' }],
  '/layer/download': async () => ['/layer/download', { image: large(), digest: await layerOf(large()) }],
};

describe.each(Object.entries(ROUTES))('%s', (_, asked) => {
  it('ends with a client that reads a part', async () => {
    const socket = ask(...(await asked()));
    await once(socket, 'readable');
    await expect.poll(underWay).toMatch(/^1 answers/); // it waits: nothing more is read
    socket.destroy();
    await expect.poll(underWay, { timeout: 1_000, interval: 20 }).toBe('0 answers, 0 threads');
    expect(await rowsSeen(100)).toBe(0);
  });

  it('ends with a client that goes away before the answer', async () => {
    const socket = ask(...(await asked()));
    await once(socket, 'connect');
    await sleep(5);
    socket.destroy();
    await expect.poll(underWay, { timeout: 1_000, interval: 20 }).toBe('0 answers, 0 threads');
    expect(await rowsSeen(100)).toBe(0);
  });
});
