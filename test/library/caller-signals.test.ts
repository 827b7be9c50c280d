import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { onAbort } from '#src/library/operations/caller-signals.js';

it('has one listener for all callbacks, none without', () => {
  const { signal } = new AbortController();
  const count = () => getEventListeners(signal, 'abort').length;
  const cancels = Array.from({ length: 20 }, () => onAbort(signal, () => {}));
  expect(count()).toBe(1);
  for (const cancel of [...cancels, ...cancels]) cancel();
  expect(count()).toBe(0);
  const cancel = onAbort(signal, () => {});
  expect(count()).toBe(1);
  cancel();
});

it('calls each callback once, but for those that were cancelled', () => {
  const stop = new AbortController();
  const called: string[] = [];
  onAbort(stop.signal, () => called.push('one'));
  const cancel = onAbort(stop.signal, () => called.push('cancelled'));
  onAbort(stop.signal, () => called.push('two'));
  cancel();
  stop.abort();
  stop.signal.dispatchEvent(new Event('abort'));
  expect(called).toEqual(['one', 'two']);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});
