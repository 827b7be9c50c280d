import { expect, it } from 'vitest';
import { ProgressDisplay } from '#src/cli/terminal/progress/progress.js';
import { memoryOutput } from './memory-output.js';

it.each([
  [0, ''],
  [2, 'warning: 0\nwarning: 1\n'],
  [1000, `${Array.from({ length: 10 }, (_, i) => `warning: ${i}\n`).join('')}warning: 990 more in /log\n`],
])('of %d warnings some are shown', (count, shown) => {
  const { output, text } = memoryOutput();
  const display = new ProgressDisplay(output);
  for (let i = 0; i < count; i++) display.log('warn', String(i));
  if (count > 0) display.log('warn', '0');
  expect(text.stderr).toBe('');
  display.showWarnings('in /log');
  expect(text).toEqual({ stdout: '', stderr: shown });
});
