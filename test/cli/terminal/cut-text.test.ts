import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, cutText } from '#src/cli/terminal/layout/cut-text.js';

describe('cutText', () => {
  it.each<[string, number, string]>([
    ['', 1, ''],
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 1, '…'],
    ['äöü', 3, 'äöü'],
    ['日本語', 6, '日本語'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['😀😀', 3, '😀…'],
    ['a…b', 3, 'a…b'],
  ])('%j to %i columns', (text, columns, wanted) => {
    expect(cutText(text, columns)).toBe(wanted);
  });

  it('never exceeds its columns, keeps a beginning, and cuts only what is too long', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 1, max: 80 }),
        (text, columns) => {
          const shown = cutText(text, columns);
          expect(columnsOf(shown)).toBeLessThanOrEqual(columns);
          if (columnsOf(text) <= columns) expect(shown).toBe(text);
          else {
            expect(shown.endsWith('…')).toBe(true);
            expect(text.startsWith(shown.slice(0, -1))).toBe(true);
            expect(columnsOf(shown)).toBeGreaterThanOrEqual(columns - 1);
          }
        },
      ),
    );
  });
});
