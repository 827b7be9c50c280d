import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { logTo } from '#src/base/log.js';
import { FaultLog } from '#src/fuse/fault-log.js';

const { EIO } = constants.errno;

test('the same fault once a minute', () => {
  const lines: string[] = [];
  let now = 5;
  const faults = new FaultLog(
    logTo((_, message) => lines.push(message)),
    () => now,
  );
  const fault = (at: number) =>
    faults.report(new LayerslayerError('TIMED_OUT', 'late'), () => `reading /a at ${at}`);
  expect([fault(0), fault(0), fault(4096)]).toEqual([EIO, EIO, EIO]);
  now += 59_999;
  fault(0);
  expect(lines).toEqual(['reading /a at 0: late', 'reading /a at 4096: late']);
  now += 1;
  fault(0);
  expect(lines.slice(2)).toEqual(['reading /a at 0: late']);
});

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
