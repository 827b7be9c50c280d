import { expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { RepeatedFaults } from '#src/cli/terminal/wording/repeated-faults.js';

const fault = (message: string) => new LayerslayerError('IO_FAILED', message);

it('shows ten faults of each kind, and counts the others', () => {
  const faults = new RepeatedFaults();
  const shown: string[] = [];
  for (let i = 0; i < 4282; i++) {
    for (const error of [
      fault(`/out/d/f${i} is there already`),
      fault(`writing /out/e${i % 12}: no space left`),
    ])
      if (faults.takes(error)) shown.push(error.message);
  }
  expect(shown).toHaveLength(20);
  expect(shown.at(-1)).toBe('writing /out/e9: no space left');
  expect(faults.rest()).toEqual(['4272 more: is there already', '4272 more: no space left']);
});

it('shows no end of kinds neither', () => {
  const faults = new RepeatedFaults();
  let shown = 0;
  for (let i = 0; i < 1000; i++) if (faults.takes(fault(`/out/a ${i} is there already`))) shown++;
  expect(shown).toBe(30);
  expect(faults.rest()).toEqual(['970 more: IO_FAILED']);
});
