import { expect, it } from 'vitest';
import { HeldWarnings } from '#dist/cli/held-warnings.js';
import { memoryOutput } from './memory-output.js';

it.each([
  [0, ''],
  [2, 'warning: 0\nwarning: 1\n'],
  [1000, `${Array.from({ length: 10 }, (_, i) => `warning: ${i}\n`).join('')}warning: 990 more in /log\n`],
])('of %d warnings some are shown', (count, shown) => {
  const { output, text } = memoryOutput();
  const warnings = new HeldWarnings();
  for (let i = 0; i < count; i++) warnings.add(String(i));
  if (count > 0) warnings.add('0');
  expect(text.stderr).toBe('');
  warnings.show(output, 'in /log');
  expect(text).toEqual({ stdout: '', stderr: shown });
});
