import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cutStart,
  fitted,
  framed,
  wrapped,
} from '#src/cli/commands/interactive/browser/terminal/screen-line.js';
import { TreeModel } from '#src/cli/commands/interactive/browser/tree/tree-model.js';
import { treeLines } from '#src/cli/commands/interactive/browser/tree-screen/tree-screen-lines.js';
import { columnsOf } from '#src/cli/terminal/layout/cut-text.js';
import { dir, file, symlink, whiteout } from '../../../../support/entries.js';
import { browsedTree, randomTree } from './trees.js';

const size = fc.record({ columns: fc.integer({ min: 1, max: 250 }), rows: fc.integer({ min: 1, max: 60 }) });
const anyText = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));

describe('a line of the screen', () => {
  it('has exactly its columns, whatever the text', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 60 }), (text, columns) => {
        expect(columnsOf(fitted(text, columns))).toBe(columns);
        expect(columnsOf(cutStart(text, columns))).toBeLessThanOrEqual(Math.max(columns, 1));
        if (columns < 2) return; // room for a wide character
        const lines = wrapped(text, columns);
        expect(lines.join('')).toBe(text);
        for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('keeps the end of a path', () => expect(cutStart('/usr/share/doc', 8)).toBe('…are/doc'));

  it('of the body stays longest when there is little room', () => {
    const line = (text: string) => ({ text, style: 'plain' as const });
    const parts = {
      above: [line('t'), line('h')],
      body: [line('1'), line('2')],
      below: [line('k'), line('p')],
    };
    const texts = (rows: number) => framed(parts, { columns: 1, rows }).map(({ text }) => text);
    expect(texts(1)).toEqual(['1']);
    expect(texts(4)).toEqual(['1', '2', ' ', 'p']);
    expect(texts(6)).toEqual(['t', '1', '2', ' ', 'k', 'p']);
    expect(texts(8)).toEqual(['t', 'h', '1', '2', ' ', ' ', 'k', 'p']);
  });
});

describe("the tree's screen", () => {
  it('fills any size exactly, and shows the cursor', () => {
    const step = fc.constantFrom('down', 'up', 'unfold', 'toggle', 'end');
    fc.assert(
      fc.property(randomTree, size, fc.array(step), ({ tree }, screen, steps) => {
        const model = new TreeModel(tree);
        for (const one of steps) {
          if (one === 'down' || one === 'up') model.move(one === 'down' ? 1 : -1);
          else if (one === 'end') model.moveTo(Number.POSITIVE_INFINITY);
          else model[one]();
          const lines = treeLines(model, { title: 'image' }, screen);
          expect(lines).toHaveLength(screen.rows);
          for (const { text } of lines) expect(columnsOf(text)).toBe(screen.columns);
          expect(lines.filter(({ style }) => style === 'cursor')).toHaveLength(1);
        }
      }),
    );
  });

  it('shows layer, mode, size and name, and what hides an entry', () => {
    const tree = browsedTree([
      [dir('etc/'), file('etc/\x1b[31m', 'x'), file('etc/old', 'y'.repeat(2000), { mode: 0o4755 })],
      [whiteout('etc/old'), symlink('link', 'etc/\x07'), file(Uint8Array.of(0x66, 0xff), '')],
    ]);
    tree.setHidden(true);
    const model = new TreeModel(tree);
    model.move(1);
    model.unfold();
    const lines = (columns: number) =>
      treeLines(model, { title: 'x:1', message: 'done' }, { columns, rows: 12 }).map(({ text }) =>
        text.trimEnd(),
      );
    expect(lines(80)).toEqual([
      'x:1, with hidden entries',
      'LAYER MODE             SIZE   NAME',
      '    1 drwxr-xr-x          - - /',
      '    1 drwxr-xr-x          -   - etc/',
      '    1 -rw-r--r--        1 B       \\x1b[31m',
      '    1 -rwsr-xr-x    2.0 KiB       old  [whiteout, layer 2]',
      '    2 -rw-r--r--        0 B     f\\xff',
      '    2 lrwxrwxrwx          -     link -> etc/\\x07',
      '',
      '',
      'Enter open  / search  h hidden  s size  c carve  i info  ? help  q back',
      'done',
    ]);
    expect(lines(40)[5]).toBe('    1    2.0 KiB       old  [whiteout, …');
    expect(lines(24)[4]).toBe('       1 B   \\x1b[31m');
  });
});
