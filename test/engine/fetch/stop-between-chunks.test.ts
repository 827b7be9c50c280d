import { describe, expect, it } from 'vitest';
import { StopBetweenChunks } from '#src/engine/fetch/stop-between-chunks.js';

describe('a stop between chunks', () => {
  it('ends an idle stream at once', async () => {
    const stop = new StopBetweenChunks(() => true);
    await stop.after(Promise.resolve());
    expect(stop.signal.aborted).toBe(false);
    stop.stop();
    expect(stop.signal.aborted).toBe(true);
  });

  it('waits for the end of a chunk, and then stops the next one', async () => {
    const stop = new StopBetweenChunks(() => true);
    let consumed = () => {};
    const chunk = stop.after(
      new Promise((resolve) => {
        consumed = resolve;
      }),
    );
    stop.stop();
    expect(stop.signal.aborted).toBe(false);
    consumed();
    await expect(chunk).rejects.toMatchObject({ code: 'ABORTED' });
    expect(stop.signal.aborted).toBe(true);
  });

  it('lets a stream near its end continue', async () => {
    let isFar = true;
    const stop = new StopBetweenChunks(() => isFar);
    let consumed = () => {};
    const chunk = stop.after(
      new Promise((resolve) => {
        consumed = resolve;
      }),
    );
    stop.stop();
    isFar = false;
    consumed();
    await chunk;
    stop.stop();
    expect(stop.signal.aborted).toBe(false);
  });

  it('passes on what the consumer throws', async () => {
    const stop = new StopBetweenChunks(() => true);
    await expect(stop.after(Promise.reject(new Error('full')))).rejects.toThrow('full');
  });
});

describe('a stream that begins again', () => {
  it('does not stop for what was enough before', async () => {
    let isFar = false;
    const stop = new StopBetweenChunks(() => isFar);
    stop.stop(); // near the end: the stream continues
    stop.restart();
    isFar = true;
    await stop.after(Promise.resolve());
    expect(stop.signal.aborted).toBe(false);
  });
});
