import { expect, it } from 'vitest';
import { type ColorChoice, EntryColors, usesColors } from '#src/cli/terminal/layout/colors.js';

it.each<[ColorChoice | undefined, boolean, NodeJS.ProcessEnv, boolean]>([
  [undefined, true, {}, true],
  ['auto', true, {}, true],
  ['auto', false, {}, false],
  ['auto', true, { NO_COLOR: '1' }, false],
  ['auto', true, { NO_COLOR: '' }, true],
  ['auto', true, { TERM: 'dumb' }, false],
  ['always', true, { NO_COLOR: '1', TERM: 'dumb' }, true],
  ['always', false, {}, true],
  ['never', true, {}, false],
])('--color %s, on a terminal: %j, with %j: %j', (choice, isTerminal, env, wanted) => {
  expect(usesColors(choice, { resultColumns: isTerminal ? 80 : undefined }, env)).toBe(wanted);
});

it('take no escape sequence from LS_COLORS', () => {
  const colors = new EntryColors('di=\x1b[2J:fi=0;m:*.x=31\x07:ex=0000');
  const paint = (kind: 'dir' | 'file', mode: number) =>
    colors.paint({ kind, mode }, Buffer.from('a.x'), 'a.x');
  expect([paint('dir', 0o755), paint('file', 0o644), paint('file', 0o755)]).toEqual([
    '\x1b[01;34ma.x\x1b[0m',
    'a.x',
    '\x1b[01;32ma.x\x1b[0m',
  ]);
});
