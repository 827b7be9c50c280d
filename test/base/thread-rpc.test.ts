import { MessageChannel, Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { ThreadPeer, Transferred } from '#src/base/thread-rpc.js';

interface Methods {
  add(argument: { a: number; b: number }): number;
  fail(argument: { code: 'TIMED_OUT' }): never;
  move(argument: { bytes: Uint8Array }): Transferred<Uint8Array>;
  wait(argument: object, signal: AbortSignal): Promise<string>;
  note(argument: { text: string }): void;
  stumble(argument: object): void;
  cannot(argument: object): unknown;
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
  const aborts: unknown[] = [];
  const handlers: Methods = {
    add: ({ a, b }) => a + b,
    fail: ({ code }) => {
      throw new LayerslayerError(code, 'no answer');
    },
    move: ({ bytes }) => new Transferred(bytes, [bytes.buffer as ArrayBuffer]),
    wait: (_, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborts.push(signal.reason);
          reject(signal.reason);
        }),
      ),
    note: ({ text }) => void notes.push(text),
    stumble: () => {
      throw new Error('in a notice');
    },
    cannot: () => () => 'a function',
  };
  new ThreadPeer<object>(channel.port2, handlers);
  return { caller: new ThreadPeer<Methods>(channel.port1), channel, notes, aborts };
}

const GONE = { code: 'INTERNAL', message: 'the other thread is gone' };

/**
 * Waits in turns of the event loop until it is true. The test's own deadline ends a wait without
 * end.
 */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
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

  it('carries an abort over, with its reason, and ends with the handler', async () => {
    const { caller } = peers();
    const controller = new AbortController();
    const waiting = caller.call('wait', {}, { signal: controller.signal });
    controller.abort(new LayerslayerError('TIMED_OUT', 'not within 5 s'));
    await expect(waiting).rejects.toMatchObject({ code: 'TIMED_OUT', message: 'not within 5 s' });
    const late = caller.call('add', { a: 1, b: 1 }, { signal: controller.signal });
    await expect(late).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('rejects what cannot cross, both ways, and continues', async () => {
    const { caller } = peers();
    const argument = { a: 1, b: (() => {}) as never };
    await expect(caller.call('add', argument)).rejects.toThrow('could not be cloned');
    await expect(caller.call('cannot', {})).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(caller.call('nobody' as 'add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await caller.call('add', { a: 1, b: 1 })).toBe(2);
  });

  it('survives a notice whose handler throws', async () => {
    const { caller } = peers();
    caller.notify('stumble', {});
    expect(await caller.call('add', { a: 2, b: 2 })).toBe(4);
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

  it('fails the calls, and aborts what is served, when the port closes', async () => {
    const { caller, channel, aborts } = peers();
    const waiting = caller.call('wait', {});
    await caller.call('add', { a: 0, b: 0 }); // the other end has got it
    channel.port1.close();
    await expect(waiting).rejects.toMatchObject(GONE);
    await until(() => aborts.length > 0);
    expect(aborts).toMatchObject([GONE]);
  });

  it('fails the calls to a thread that dies with the other end of the port', async () => {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
       workerData.on('message', () => process.exit());`,
      { eval: true, workerData: port2, transferList: [port2] },
    );
    const caller = new ThreadPeer<Methods>(port1);
    await expect(caller.call('add', { a: 1, b: 1 })).rejects.toMatchObject(GONE);
    await worker.terminate();
  });
});
