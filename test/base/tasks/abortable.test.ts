import { expect, it } from 'vitest';
import { abortable } from '#src/base/tasks/abortable.js';
import { unhandledIn } from '../unhandled.js';

const never = new Promise<never>(() => {});

it('passes on what the promise comes to', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(7), signal)).toBe(7);
  await expect(abortable(Promise.reject(new Error('its own')), signal)).rejects.toThrow('its own');
  expect(await abortable(Promise.resolve(8), undefined)).toBe(8);
});

it('leaves with the reason, whether aborted before or while it waits', async () => {
  const before = AbortSignal.abort(new Error('before'));
  await expect(abortable(never, before)).rejects.toThrow('before');
  const controller = new AbortController();
  const waiting = abortable(never, controller.signal);
  controller.abort(new Error('meanwhile'));
  await expect(waiting).rejects.toThrow('meanwhile');
});

it('leaves no unhandled rejection when a promise fails after its waiter has left', async () => {
  const unhandled = await unhandledIn(async () => {
    let fail!: (error: Error) => void;
    const promise = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const left = abortable(promise, AbortSignal.abort(new Error('left')));
    await expect(left).rejects.toThrow('left');
    fail(new Error('too late'));
  });
  expect(unhandled).toEqual([]);
});

it('leaves no listener behind', async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await abortable(Promise.resolve(), signal);
  await abortable(Promise.reject(new Error('failed')), signal).catch(() => {});
  await new Promise(setImmediate);
  expect(listeners).toBe(0);
});
