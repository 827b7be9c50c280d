import { expect, test } from 'vitest';
import { logTo } from '#src/base/log.js';
import { FaultLog } from '#src/fuse/fault-log.js';

test('ten faults a second, then how many were kept back', () => {
  const lines: string[] = [];
  let now = 5;
  const faults = new FaultLog(
    logTo((_, message) => lines.push(message)),
    () => now,
  );
  for (let i = 0; i < 25; i++) faults.error(`fault ${i}`);
  expect(lines).toEqual(Array.from({ length: 10 }, (_, i) => `fault ${i}`));
  now += 999;
  faults.error('still too soon');
  now += 1;
  faults.error('again');
  expect(lines.slice(10)).toEqual(['16 more faults like these', 'again']);
  now += 5000;
  faults.error('later');
  expect(lines.slice(12)).toEqual(['later']);
});
