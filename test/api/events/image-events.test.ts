import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EVENTS } from '#src/api/schemas/events.js';
import { noise } from '../../blob/bytes.js';
import { drip, FaultProxy } from '../../support/fault-proxy.js';
import { pushImage, startRegistry, type TestRegistry } from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { Served } from '../served.js';

const EVENTS_PATH = '/api/v1/events';

/** Time for a pass, in ms. */
const SOON = 20_000;

/** An event as a client reads it, its data checked against the schema. */
interface SeenEvent {
  id: string;
  name: string;
  data: { image: string; digest?: string; [field: string]: unknown };
}

/** A client of an event stream. */
class Listener {
  readonly seen: SeenEvent[] = [];
  #ends = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  static async of(served: Served, { image = '', lastId = '' } = {}): Promise<Listener> {
    const listener = new Listener();
    const headers = lastId === '' ? {} : { 'Last-Event-ID': lastId };
    const { signal } = listener.#ends;
    const query = image === '' ? {} : { image };
    const response = await served.get(EVENTS_PATH, query, { headers, signal });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(response.headers.get('cache-control')).toBe('no-store');
    listener.#reading = listener.#read(response);
    return listener;
  }

  async #read(response: Response): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) this.#add(block);
    }
  }

  #add(block: string): void {
    const [, id = '', name = '', data = ''] = /^id: (\S+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    if (block === ':') return;
    const schema = EVENTS[name as keyof typeof EVENTS].strict();
    this.seen.push({ id, name, data: schema.parse(JSON.parse(data)) });
  }

  names(image: string): string[] {
    return this.seen.filter((event) => event.data.image === image).map(({ name }) => name);
  }

  /** Waits for an event about an image. */
  async wait(image: string, name: string): Promise<SeenEvent> {
    const found = () => this.seen.findLast((event) => event.data.image === image && event.name === name);
    await vi.waitFor(() => expect(found(), JSON.stringify(this.seen)).toBeDefined(), { timeout: SOON });
    return found()!;
  }

  /** Waits for the end of the stream. */
  ended(): Promise<void> {
    return this.#reading;
  }

  async goAway(): Promise<void> {
    this.#ends.abort();
    await this.#reading.catch(() => {});
  }
}

let registry: TestRegistry;
let proxy: FaultProxy;
let served: Served;
let listeners: Listener[] = [];
const slow: string[] = []; // digests of layers that come slowly
const image = (name: string) => `${proxy.host}/${name}:1`;

beforeAll(async () => {
  registry = await startRegistry();
  for (const name of ['one', 'two', 'three']) {
    const layers = [gzipSync(tarOf(file('a', name))), gzipSync(tarOf(file('b', noise(64_000, name.length))))];
    const { manifest } = await pushImage(registry, `${name}:1`, { layers });
    slow.push(manifest.layers[1]!.digest);
  }
});
beforeEach(async () => {
  proxy = await FaultProxy.start({ target: registry.url });
  for (const digest of slow) proxy.rules.push({ path: new RegExp(digest), fault: drip(4_000, 100) });
  served = await Served.start({ t: [tarOf(file('x', 'x'))] }, { registries: [proxy.host] });
});
afterEach(async () => {
  for (const one of listeners.splice(0)) await one.goAway();
  listeners = [];
  await served.close();
  await proxy.stop();
});
afterAll(() => registry?.stop());

async function listen(options: { image?: string; lastId?: string } = {}): Promise<Listener> {
  const listener = await Listener.of(served, options);
  listeners.push(listener);
  return listener;
}

const tree = (name: string, init: RequestInit = {}) =>
  served.get('/api/v1/tree', { image: image(name) }, init);

describe('events of all images', () => {
  it('show two that are indexed at once, from the start of each', async () => {
    const listener = await listen();
    expect(listener.seen).toEqual([]);
    const answers = [tree('one'), tree('two')];
    for (const answer of answers) expect((await answer).status).toBe(200);
    const first = await listener.wait(image('one'), 'indexed');
    const second = await listener.wait(image('two'), 'indexed');
    expect(first.data).toMatchObject({ entries: 2, platform: 'linux/amd64' });
    expect(second.data.digest).not.toBe(first.data.digest);
    for (const name of ['one', 'two']) {
      const names = listener.names(image(name));
      expect(['opening', 'opened']).toContain(names[0]);
      expect(names).toContain('progress');
      expect(names.at(-1)).toBe('indexed');
    }
    // Both were under way at the same time.
    const order = listener.seen.map(({ name, data }) => `${name} ${data.image}`);
    expect(order.indexOf(`progress ${image('two')}`)).toBeLessThan(order.indexOf(`indexed ${image('one')}`));
    expect(order.indexOf(`progress ${image('one')}`)).toBeLessThan(order.indexOf(`indexed ${image('two')}`));
  });

  it('begin with what happened last to each image, and resume after the last one that came', async () => {
    const before = await listen();
    await tree('one');
    const { id } = await before.wait(image('one'), 'indexed');
    await before.goAway();
    await tree('two');
    expect(await served.fault('/api/v1/image', { image: image('missing') })).toMatch(/^404 /);

    const resumed = await listen({ lastId: id });
    await resumed.wait(image('missing'), 'error');
    expect(resumed.seen.map(({ name, data }) => [name, data.image])).toEqual([
      ['indexed', image('two')],
      ['error', image('missing')],
    ]);
    expect(resumed.seen[1]!.data).toMatchObject({ code: 'NOT_FOUND' });
    for (const lastId of ['', '7', 'ffffffff-1', `${id.split('-')[0]}-999999`]) {
      const fresh = await listen({ lastId });
      await fresh.wait(image('missing'), 'error');
      expect(fresh.seen.map(({ data }) => data.image)).toEqual([
        image('one'),
        image('two'),
        image('missing'),
      ]);
    }
  });

  it('name the layer of a pass for one layer', async () => {
    const listener = await listen();
    expect((await served.get('/api/v1/tree', { image: image('one'), layer: 2 })).status).toBe(200);
    expect((await listener.wait(image('one'), 'indexed')).data).toMatchObject({ layer: 2, entries: 1 });
  });

  it('show a layer that is listed while it is read', async () => {
    const listener = await listen();
    const init = { headers: { Accept: 'application/x-ndjson' } };
    const answer = await served.get('/api/v1/tree', { image: image('one'), layer: 2 }, init);
    expect((await answer.text()).trimEnd().split('\n')).toHaveLength(1);
    expect((await listener.wait(image('one'), 'indexed')).data).toMatchObject({ layer: 2, entries: 1 });
    expect(listener.names(image('one'))).toContain('progress');
  });

  it('keep no pass going, and say that it stopped', async () => {
    const listener = await listen();
    proxy.rules.unshift({ path: new RegExp(slow[2]!), fault: drip(1_000, 500) });
    const client = new AbortController();
    const answer = tree('three', { signal: client.signal }).catch(() => {});
    await listener.wait(image('three'), 'progress');
    client.abort();
    await answer;
    const gone = performance.now();
    expect(await listener.wait(image('three'), 'stopped')).toMatchObject({
      data: { digest: expect.any(String) },
    });
    expect(performance.now() - gone).toBeLessThan(2_000);
  });

  it('take nothing of a server when the client is gone', async () => {
    const open = async () =>
      Number(/^layerslayer_open_answers (\d+)$/m.exec(await (await served.get('/metrics')).text())?.[1]);
    const gone = await listen();
    const other = await listen();
    expect(await open()).toBe(3);
    await gone.goAway();
    await vi.waitFor(async () => expect(await open()).toBe(2), { timeout: 1_000 });
    await tree('one');
    await other.wait(image('one'), 'indexed');
    expect(gone.seen).toEqual([]);
  });

  it('are not those of a platform', async () => {
    const query = { platform: 'linux/arm64' };
    expect(await served.fault(EVENTS_PATH, query)).toMatch(/^400 INVALID_ARGUMENT .*needs image/);
  });

  it('are not shown where the cache is not, but those of one image are', async () => {
    const other = await Served.start({ t: [tarOf(file('x', 'x'))] }, { showsLocal: false });
    try {
      expect(await other.fault(EVENTS_PATH)).toMatch(/^403 FORBIDDEN .*--show-local/);
      const one = await Listener.of(other, { image: other.image('t') });
      await one.ended();
      expect(one.seen.at(-1)?.name).toBe('indexed');
    } finally {
      await other.close();
    }
  });
});

describe('events of one image', () => {
  it('start its pass, and end when it is indexed', async () => {
    const listener = await listen({ image: image('one') });
    await listener.ended();
    const { name, data, id } = listener.seen.at(-1)!;
    expect([name, data]).toMatchObject(['indexed', { image: image('one'), entries: 2 }]);
    expect(listener.seen[0]!.name).toBe('progress');
    const again = await listen({ image: image('one'), lastId: id });
    await again.ended();
    expect(again.seen.at(-1)).toMatchObject({ name: 'indexed', data });
    expect(Number(again.seen[0]!.id)).toBeGreaterThan(Number(id));
  });

  it('end with an error that has an identifier', async () => {
    proxy.rules.unshift({ path: new RegExp(slow[0]!), fault: { unanswered: 'reset' } });
    const listener = await listen({ image: image('one') });
    await listener.ended();
    expect(listener.seen.at(-1)).toMatchObject({
      name: 'error',
      data: { code: 'REGISTRY_UNAVAILABLE', requestId: expect.stringMatching(/^[\da-f]{16}$/) },
    });
  });
});
