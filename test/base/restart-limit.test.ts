import { describe, expect, it } from 'vitest';
import { RestartLimit } from '#src/base/restart-limit.js';

describe('restarts', () => {
  it('are done at once, until there were too many of late', () => {
    const limit = new RestartLimit(3, 60_000);
    expect([0, 10, 20].map((now) => limit.waitMs(now))).toEqual([0, 0, 0]);
    expect(limit.waitMs(1_000)).toBe(59_000); // 60 s after the first
    expect(limit.waitMs(60_005)).toBe(5); // 60 s after the second
  });

  it('are done at once again after a quiet time', () => {
    const limit = new RestartLimit(1, 100);
    expect([0, 100, 150, 1_000].map((now) => limit.waitMs(now))).toEqual([0, 0, 50, 0]);
  });
});
