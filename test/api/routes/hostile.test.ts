import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LISTED_ENTRY, TREE_PAGE } from '#src/api/schemas/entry.js';
import { file, tarOf } from '../../support/tar.js';
import { ODD_LAYERS } from '../odd-layers.js';
import { Served } from '../served.js';

/** Names of one directory, in the test of a large listing. */
const MANY = 40_000;

let served: Served;
beforeAll(async () => {
  const many = Array.from({ length: MANY }, (_, i) => file(`many/${(i * 7919) % MANY}`, ''));
  served = await Served.start({ t: ODD_LAYERS, many: [Buffer.concat([...many, tarOf()])] });
  await served.json('/api/v1/tree', { image: served.image('t') }, TREE_PAGE);
});
afterAll(() => served.close());

describe('hostile requests', () => {
  it.each([
    ['/api/v1/tree?image=%', 400],
    ['/api/v1/tree?image=%zz', 400],
    ['/api/v1/tree?image=a%00b', 400],
    ['/api/v1/tree?image=a&image=b', 400],
    ['/api/v1/tree', 400],
    ['/api/v1/nothing', 404],
    ['/api/v1/../../etc/passwd', 404],
    ['/api/v1/image?image=127.0.0.1:1/none:x', 502],
  ])('%s', async (path, status) => {
    const response = await fetch(served.address + path);
    expect(response.status).toBe(status);
  });

  it('limits the length of a reference', async () => {
    expect(await served.fault('/api/v1/tree', { image: 'a'.repeat(5000) })).toMatch(
      /^400 .* want at most 4096/,
    );
  });

  it('reads only GET and HEAD', async () => {
    const response = await served.get('/api/v1/tree', { image: served.image('t') }, { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('a large listing', () => {
  it('comes sorted, whole and in bounded memory, and holds up no other request', async () => {
    const query = { image: served.image('many'), path: '/many' };
    await served.json('/api/v1/tree', { ...query, limit: 1 }, TREE_PAGE);
    let slowest = 0;
    let isEnded = false;
    const others = (async () => {
      while (!isEnded) {
        const start = performance.now();
        await (await served.get('/healthz')).text();
        slowest = Math.max(slowest, performance.now() - start);
        await sleep(5);
      }
    })();
    const response = await served.get('/api/v1/tree', query, { headers: { Accept: 'application/x-ndjson' } });
    let count = 0;
    let last = '';
    let isSorted = true;
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = parts.pop()!;
      for (const line of parts) {
        const { path } = JSON.parse(line) as { path: string };
        isSorted &&= path > last;
        if (count++ === 0) LISTED_ENTRY.parse(JSON.parse(line));
        last = path;
      }
    }
    isEnded = true;
    await others;
    expect([count, isSorted]).toEqual([MANY, true]);
    expect(slowest).toBeLessThan(1_000);
  });

  it('ends when its client goes away, and waits for a slow one', async () => {
    const url = new URL(served.url('/api/v1/tree', { image: served.image('many'), path: '/many' }));
    const open = async () =>
      /^layerslayer_open_answers (\d+)$/m.exec(await (await served.get('/metrics')).text())![1];
    const socket = connect(Number(url.port), url.hostname);
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: application/x-ndjson\r\n\r\n`,
    );
    await once(socket, 'readable');
    await sleep(300); // nothing is read: the server waits
    expect(await open()).toBe('2');
    socket.destroy();
    await expect.poll(open, { timeout: 1_000 }).toBe('1');
  });
});
