import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#dist/base/errors.js';
import { ThreadPeer, Transferred } from '#dist/base/thread-rpc.js';

interface Methods {
  add(argument: { a: number; b: number }): number;
  fail(argument: { code: 'TIMED_OUT' }): never;
  move(argument: { bytes: Uint8Array }): Transferred<Uint8Array>;
  wait(argument: object, signal: AbortSignal): Promise<string>;
  note(argument: { text: string }): void;
}

const open: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of open.splice(0)) {
    port1.close();
    port2.close();
  }
});

function peers() {
  const channel = new MessageChannel();
  open.push(channel);
  const notes: string[] = [];
  const handlers: Methods = {
    add: ({ a, b }) => a + b,
    fail: ({ code }) => {
      throw new LayerslayerError(code, 'no answer');
    },
    move: ({ bytes }) => new Transferred(bytes, [bytes.buffer as ArrayBuffer]),
    wait: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted'))),
    note: ({ text }) => void notes.push(text),
  };
  new ThreadPeer<object>(channel.port2, handlers);
  return { caller: new ThreadPeer<Methods>(channel.port1), notes };
}

describe('a conversation between threads', () => {
  it('answers calls, in any number at once', async () => {
    const { caller } = peers();
    const sums = await Promise.all([1, 2, 3].map((n) => caller.call('add', { a: n, b: n })));
    expect(sums).toEqual([2, 4, 6]);
  });

  it('brings errors over with their code', async () => {
    const { caller } = peers();
    const failing = caller.call('fail', { code: 'TIMED_OUT' });
    await expect(failing).rejects.toMatchObject({ code: 'TIMED_OUT', message: 'no answer' });
    await expect(failing).rejects.toBeInstanceOf(LayerslayerError);
  });

  it('moves buffers instead of cloning them', async () => {
    const { caller } = peers();
    const bytes = new Uint8Array([1, 2, 3]);
    const back = await caller.call('move', { bytes }, { transfer: [bytes.buffer] });
    expect([...back]).toEqual([1, 2, 3]);
    expect(bytes.byteLength).toBe(0);
  });

  it('carries an abort over', async () => {
    const { caller } = peers();
    const controller = new AbortController();
    const waiting = caller.call('wait', {}, { signal: controller.signal });
    controller.abort();
    expect(await waiting).toBe('aborted');
  });

  it('delivers notices in order with calls', async () => {
    const { caller, notes } = peers();
    caller.notify('note', { text: 'a' });
    caller.notify('note', { text: 'b' });
    await caller.call('add', { a: 0, b: 0 });
    expect(notes).toEqual(['a', 'b']);
  });

  it('fails what is under way and what comes when the other end is gone', async () => {
    const { caller } = peers();
    const waiting = caller.call('wait', {});
    caller.close(new LayerslayerError('INTERNAL', 'gone'));
    await expect(waiting).rejects.toMatchObject({ message: 'gone' });
    await expect(caller.call('add', { a: 1, b: 1 })).rejects.toMatchObject({ message: 'gone' });
  });
});
