import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { type AskedImage, ServedImages } from '#src/api/images/served-images.js';
import { LayerslayerError } from '#src/base/errors.js';
import type { ImageSession } from '#src/engine/image-session.js';
import { parsePlatform } from '#src/oci/platform.js';
import type { TreeMaker } from '#src/overlay/open-tree.js';

const platform = parsePlatform('linux/amd64');
const asked = (name: string, isFixed = true): AskedImage => ({
  reference: `r.example/${name}:latest`,
  platform,
  isFixed,
});
const never = new AbortController().signal;

/** Images over sessions that do nothing but count. */
function start(
  resolve: (reference: string, signal: AbortSignal) => Promise<void> = async () => {},
  trees?: TreeMaker,
) {
  const counts = { sessions: 0, open: 0, resolved: 0, listed: 0 };
  const clock = { ms: 0 };
  const images = new ServedImages(
    () => {
      counts.sessions++;
      counts.open++;
      return {
        async resolve(reference: string, _: unknown, signal: AbortSignal) {
          counts.resolved++;
          await resolve(reference, signal);
          return { reference, digest: `sha256:${reference}`, manifest: { layers: [] } };
        },
        async listImages() {
          counts.listed++;
          return { images: [] };
        },
        record() {},
        trees: { read: async () => undefined, write() {}, remove: async () => {} },
        metrics: () => ({ bytesFetched: 0, cacheHits: 0, cacheMisses: 0 }),
        async close() {
          counts.open--;
        },
      } as unknown as ImageSession;
    },
    trees,
    () => clock.ms,
  );
  return { images, counts, clock };
}

describe('the open images of a server', () => {
  it('are shared, and asked for again when a tag is old', async () => {
    const { images, counts, clock } = start();
    const first = await images.open(asked('a', false), never);
    (await images.open(asked('a', false), never)).release();
    expect(counts.resolved).toBe(1);
    clock.ms = 31_000;
    const later = await images.open(asked('a', false), never);
    expect(counts.resolved).toBe(2);
    expect(images.usage().openImages).toBe(2); // the first one is still in use
    first.release();
    expect(images.usage().openImages).toBe(1);
    later.release();
    await images.close();
    expect(counts.open).toBe(0);
  });

  it('have their platforms, for which the registry is asked once', async () => {
    const { images, counts, clock } = start();
    for (let i = 0; i < 3; i++) {
      const lease = await images.open(asked('a', false), never);
      expect((await lease.offer(never)).images).toEqual([]);
      lease.release();
    }
    expect(counts.listed).toBe(1);
    clock.ms = 31_000; // the tag may stand for another image
    const later = await images.open(asked('a', false), never);
    await later.offer(never);
    expect(counts.listed).toBe(2);
    later.release();
    await images.close();
  });

  it('that fail to open are tried again, and hold no session', async () => {
    const { images, counts } = start(async () => {
      throw new LayerslayerError('NOT_FOUND', 'no');
    });
    for (let i = 0; i < 200; i++)
      await expect(images.open(asked(`${i % 3}`), never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(counts).toMatchObject({ sessions: 1, resolved: 200 });
    expect(images.usage().openImages).toBe(0);
    await images.close();
    expect(counts.open).toBe(0);
  });

  it('end their sessions with their last use: few are there at once', async () => {
    const { images, counts } = start();
    const kept = await images.open(asked('kept'), never);
    for (let i = 0; i < 500; i++) (await images.open(asked(`${i}`), never)).release();
    await sleep(0);
    expect(counts.sessions).toBeGreaterThan(3);
    expect(counts.open).toBeLessThanOrEqual(2);
    expect(images.usage().openImages).toBeLessThanOrEqual(34);
    kept.release();
    kept.release(); // twice is once
    await images.close();
    expect(counts.open).toBe(0);
  });

  it('are at most four sessions while all are in use, and then BUSY', async () => {
    const { images, counts } = start();
    const leases = [];
    for (let i = 0; i < 256; i++) leases.push(await images.open(asked(`${i}`), never));
    expect(counts.open).toBeLessThanOrEqual(4);
    await expect(images.open(asked('more'), never)).rejects.toMatchObject({ code: 'BUSY' });
    (await images.open(asked('7'), never)).release();
    leases.pop()!.release();
    (await images.open(asked('more'), never)).release();
    for (const lease of leases) lease.release();
    await images.close();
    expect(counts.open).toBe(0);
  });

  it('have events that end when a tag is old, also those of passes that continue', async () => {
    const { images, clock } = start();
    const lease = await images.open(asked('a', false), never);
    const progress = { layers: [], isQueued: false };
    lease.report(3, { kind: 'progress', progress });
    clock.ms = 31_000;
    const later = await images.open(asked('a', false), never);
    lease.report(3, { kind: 'progress', progress }); // of an image that the tag no longer stands for
    const { latest } = images.events;
    const known = [];
    for (let next = latest.next(0); next; next = latest.next(next.id)) known.push(next);
    expect(known.map(({ name, text }) => [name, JSON.parse(text).layer])).toEqual([
      ['stopped', 3],
      ['opened', undefined],
    ]);
    lease.release();
    later.release();
    await images.close();
  });

  it('are not merged further when all clients go away, and the turn is free', async () => {
    const signals: AbortSignal[] = [];
    const { images } = start(undefined, {
      merge: (_, signal) =>
        new Promise((_resolve, reject) => {
          signals.push(signal!);
          signal!.addEventListener('abort', () => reject(signal!.reason));
        }),
    });
    const lease = await images.open(asked('a'), never);
    const client = new AbortController();
    const view = lease.pass.view(5_000, client.signal);
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    client.abort(new LayerslayerError('ABORTED', 'gone'));
    await expect(view).rejects.toMatchObject({ message: 'gone' });
    await vi.waitFor(() => expect(signals[0]!.aborted).toBe(true), { timeout: 2_000 });
    await vi.waitFor(() => expect(images.usage().passes).toBe(0));
    lease.release();
    await images.close();
  });

  it('are not opened further when all its clients go away', async () => {
    const ended: string[] = [];
    const { images, counts } = start(
      (reference, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            ended.push(reference);
            reject(signal.reason);
          });
        }),
    );
    const clients = [new AbortController(), new AbortController()];
    const opening = clients.map(({ signal }) => images.open(asked('slow'), signal));
    clients[0]!.abort(new LayerslayerError('ABORTED', 'gone'));
    await expect(opening[0]).rejects.toMatchObject({ message: 'gone' });
    expect(ended).toEqual([]);
    clients[1]!.abort(new LayerslayerError('ABORTED', 'gone too'));
    await expect(opening[1]).rejects.toMatchObject({ message: 'gone too' });
    await sleep(0);
    expect(ended).toEqual(['r.example/slow:latest']);
    const event = images.events.latest.next(0);
    expect([event?.name, JSON.parse(event!.text)]).toEqual([
      'stopped',
      { image: 'r.example/slow:latest', platform: 'linux/amd64' },
    ]);
    expect(images.usage().openImages).toBe(0);
    await images.close();
    expect(counts.open).toBe(0);
  });

  it('are opened no more after the end', async () => {
    const { images } = start();
    await images.close();
    await expect(images.open(asked('a'), never)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
