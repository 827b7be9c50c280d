import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { IndexPass } from '#src/api/images/index-pass.js';
import { Semaphore } from '#src/base/tasks/semaphore.js';
import type { ImageView, OpenedImage } from '#src/image/opened-image.js';

const never = new AbortController().signal;

/** A pass that ends when it is told to, or aborted. */
function start(turns = new Semaphore(2)) {
  const runs: { isAborted: boolean; end: (view: ImageView) => void }[] = [];
  const image = {
    resolved: { manifest: { layers: [{}] } },
    cachedLayer: async () => undefined,
    view: ({ signal }: { signal: AbortSignal }) =>
      new Promise<ImageView>((resolve, reject) => {
        const run = { isAborted: false, end: resolve };
        runs.push(run);
        signal.addEventListener('abort', () => {
          run.isAborted = true;
          reject(signal.reason);
        });
      }),
  } as unknown as OpenedImage;
  return { pass: new IndexPass(image, turns), runs };
}

const view = {} as ImageView;

describe('a pass', () => {
  it('is one for all clients that want it', async () => {
    const { pass, runs } = start();
    const waiting = [pass.view(5_000, never), pass.watch(() => {}, never)];
    await sleep(5);
    expect(runs).toHaveLength(1);
    runs[0]!.end(view);
    expect(await Promise.all(waiting)).toEqual([view, view]);
  });

  it('ends within a second when its last client goes away', async () => {
    const { pass, runs } = start();
    const clients = [new AbortController(), new AbortController()];
    const waiting = [pass.view(5_000, clients[0]!.signal), pass.watch(() => {}, clients[1]!.signal)].map(
      (one) => one.catch((error: Error) => error.message),
    );
    await sleep(5);
    clients[0]!.abort(new Error('gone'));
    await sleep(700);
    expect(runs[0]!.isAborted).toBe(false);
    clients[1]!.abort(new Error('gone'));
    await sleep(900);
    expect(runs[0]!.isAborted).toBe(true);
    expect(await Promise.all(waiting)).toEqual(['gone', 'gone']);
    // The next client has a pass of its own.
    const next = pass.view(5_000, never);
    await sleep(5);
    runs[1]!.end(view);
    expect(await next).toBe(view);
  });

  it('continues for a client that was told to come again', async () => {
    const { pass, runs } = start();
    expect(await pass.view(0, never)).toBe(undefined);
    const client = new AbortController();
    const gone = pass.view(5_000, client.signal).catch(() => {});
    await sleep(5);
    client.abort(new Error('gone'));
    await gone;
    await sleep(900);
    expect(runs[0]!.isAborted).toBe(false);
    pass.close();
    await sleep(0);
    expect(runs[0]!.isAborted).toBe(true);
  });

  it('waits for its turn: two run at once', async () => {
    const turns = new Semaphore(2);
    const all = [start(turns), start(turns), start(turns)];
    const waiting = all.map(({ pass }) => pass.view(5_000, never));
    await sleep(5);
    expect(all.map(({ runs }) => runs.length)).toEqual([1, 1, 0]);
    expect(all.map(({ pass }) => pass.progress.isQueued)).toEqual([false, false, true]);
    all[0]!.runs[0]!.end(view);
    await waiting[0];
    await sleep(5);
    expect(all[2]!.runs).toHaveLength(1);
    for (const { runs } of all) runs[0]!.end(view);
    expect(await Promise.all(waiting)).toEqual([view, view, view]);
  });
});
