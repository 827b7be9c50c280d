import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cpuFairTimer } from '#src/base/tasks/cpu-fair-timer.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([1, 100, 250, 3000])('expires after %d ms of a running process', (ms) => {
  const expired = vi.fn();
  cpuFairTimer(ms, expired);
  vi.advanceTimersByTime(ms - 1);
  expect(expired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(expired).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(10 * ms);
  expect(expired).toHaveBeenCalledOnce();
});

test('a slice that ends a minute late counts for its own length', () => {
  const expired = vi.fn();
  cpuFairTimer(300, expired);
  for (let slice = 0; slice < 2; slice++) {
    vi.setSystemTime(Date.now() + 60_000); // the process had no CPU
    vi.advanceTimersByTime(100);
    expect(expired).not.toHaveBeenCalled();
  }
  vi.advanceTimersByTime(100);
  expect(expired).toHaveBeenCalledOnce();
});

test('can be cancelled, and extended', () => {
  const cancelled = vi.fn();
  cpuFairTimer(200, cancelled)();
  const extended = vi.fn(() => extended.mock.calls.length < 3);
  cpuFairTimer(200, extended);
  vi.advanceTimersByTime(2000);
  expect([cancelled.mock.calls.length, extended.mock.calls.length]).toEqual([0, 3]);
});
