import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { columnLines } from '#src/cli/terminal/layout/column-layout.js';
import { textWidth } from '#src/cli/terminal/layout/text-width.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'columns-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const cellsOf = (names: readonly string[]) => names.map((text) => ({ text, width: textWidth(text) }));

describe('columns', () => {
  it('are those of GNU ls -C, for any names and any width', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '漢', '🙂'), minLength: 1, maxLength: 25 });
    const names = fc.uniqueArray(name, { minLength: 1, maxLength: 60 });
    const check = (given: string[], width: number) => {
      const home = mkdtempSync(join(directory, 'd'));
      for (const one of given) writeFileSync(join(home, one), '');
      const sorted = given.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const env = { ...process.env, LC_ALL: 'C.UTF-8' };
      const gnu = execFileSync('ls', ['-AC', '-N', '-T0', '-w', `${width}`], {
        cwd: home,
        env,
        encoding: 'utf8',
      });
      expect(columnLines(cellsOf(sorted), width)).toEqual(gnu.split('\n').slice(0, -1));
    };
    fc.assert(fc.property(names, fc.integer({ min: 1, max: 250 }), check), { numRuns: 60 });
  });

  it('have no lines for no names', () => {
    expect(columnLines([], 80)).toEqual([]);
  });
});

it.each([
  ['plain', 5],
  ['é', 1],
  ['e\u0301', 1], // a combining mark
  ['漢字', 4],
  ['ｆ', 2],
  ['Привет', 6],
  ['🙂', 2],
  ['', 0],
])('%s takes %d columns', (text, width) => {
  expect(textWidth(text)).toBe(width);
});
