import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RegistryFault } from '#src/registry/requests/registry-fault.js';
import { RateLimitAccount, Retry, retryAfterMs, withRetries } from '#src/registry/requests/retry.js';
import { FakeClock } from '../harness.js';

const never = new AbortController().signal;
const options = () => {
  const clock = new FakeClock();
  return { clock, account: new RateLimitAccount(clock) };
};
const fault = (advice: 'never' | 'backoff' | 'once', detail = {}) =>
  new RegistryFault('REGISTRY_UNAVAILABLE', 'broken', advice, detail);

test.each([
  ['never', 1],
  ['once', 2],
  ['backoff', 5],
] as const)('advice %s: %i tries', async (advice, tries) => {
  let made = 0;
  const failing = withRetries(options(), never, async () => {
    made++;
    throw fault(advice);
  });
  await expect(failing).rejects.toThrow('broken');
  expect(made).toBe(tries);
});

test('what is no fault of a registry is not tried again', async () => {
  const retry = new Retry(options());
  const other = new TypeError('a bug');
  await expect(retry.next(other)).rejects.toBe(other);
});

test('progress makes the next failure a first one', async () => {
  const { clock, account } = options();
  const retry = new Retry({ clock, account });
  for (let round = 0; round < 20; round++) {
    retry.progressed();
    await retry.next(fault('backoff'));
  }
  expect(new Set(clock.slept)).toEqual(new Set([187.5]));
});

test('an aborted wait ends with the signal’s reason', async () => {
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  await expect(new Retry(options()).next(fault('backoff'), controller.signal)).rejects.toThrow('enough');
});

test('waits at the same time count once', () => {
  const { account } = options();
  for (let request = 0; request < 100; request++) expect(account.take(20_000)).toBe(true);
  expect(account.take(30_000)).toBe(true);
  expect(account.take(30_001)).toBe(false);
});

test('whatever is asked, 30 s are waited at most until a minute is quiet', () => {
  const step = fc.record({ pass: fc.nat(20_000), ask: fc.nat(40_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { clock, account } = options();
      let waiting = clock.time;
      let waited = 0;
      for (const { pass, ask } of steps) {
        clock.time += pass;
        if (clock.time > waiting + 60_000) waited = 0;
        if (!account.take(ask)) continue;
        waited += Math.max(0, clock.time + ask - Math.max(clock.time, waiting));
        waiting = Math.max(waiting, clock.time + ask);
        expect(waited).toBeLessThanOrEqual(30_000);
      }
    }),
  );
});

const NOW = Date.parse('2024-01-01T00:00:00Z');
test.each([
  ['0', 0],
  [' 120 ', 120_000],
  ['Mon, 01 Jan 2024 00:00:07 GMT', 7_000],
  ['Sun, 31 Dec 2023 00:00:00 GMT', 0],
  ['soon', undefined],
  ['99999999999', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %s', (text, wanted) => {
  expect(retryAfterMs(text, NOW)).toBe(wanted);
});
