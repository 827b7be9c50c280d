import { describe, expect, it, vi } from 'vitest';
import { IndexPass } from '#src/api/images/index-pass.js';
import { Semaphore } from '#src/base/tasks/semaphore.js';
import type { ImageView, OpenedImage, ViewOptions } from '#src/image/opened-image.js';

const VIEW = {} as ImageView;
const DAY_MS = 86_400_000;

/** An image of one layer whose pass ends when the test says so. */
class SlowImage {
  readonly signals: AbortSignal[] = [];
  finish: () => void = () => {};

  get opened(): OpenedImage {
    const view = ({ signal }: ViewOptions = {}) => {
      this.signals.push(signal!);
      return new Promise<ImageView>((resolve, reject) => {
        this.finish = () => resolve(VIEW);
        signal!.addEventListener('abort', () => reject(signal!.reason));
      });
    };
    const resolved = { manifest: { layers: [{}] } };
    return { resolved, cachedLayer: async () => undefined, view } as unknown as OpenedImage;
  }
}

describe('the pass of an image', () => {
  it('ends when its last client goes away, and the next client starts another', async () => {
    const image = new SlowImage();
    const pass = new IndexPass(image.opened, new Semaphore(2));
    const clients = [new AbortController(), new AbortController()];
    const waiting = clients.map(({ signal }) => pass.view(DAY_MS, signal));
    await vi.waitFor(() => expect(image.signals).toHaveLength(1));
    clients[0]!.abort(new Error('gone'));
    await expect(waiting[0]).rejects.toThrow('gone');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(image.signals[0]!.aborted).toBe(false);
    clients[1]!.abort(new Error('gone too'));
    await expect(waiting[1]).rejects.toThrow('gone too');
    await vi.waitFor(() => expect(image.signals[0]!.aborted).toBe(true), { timeout: 1_000 });
    const next = pass.view(DAY_MS, new AbortController().signal);
    await vi.waitFor(() => expect(image.signals).toHaveLength(2));
    image.finish();
    expect(await next).toBe(VIEW);
    expect(await pass.view(0, new AbortController().signal)).toBe(VIEW);
  });

  it('continues for a client that was told to come again', async () => {
    const image = new SlowImage();
    const pass = new IndexPass(image.opened, new Semaphore(2));
    expect(await pass.view(0, new AbortController().signal)).toBeUndefined();
    await vi.waitFor(() => expect(image.signals).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(image.signals[0]!.aborted).toBe(false);
    image.finish();
    expect(await pass.view(DAY_MS, new AbortController().signal)).toBe(VIEW);
    pass.close();
  });
});
