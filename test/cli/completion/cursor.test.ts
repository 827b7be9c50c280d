import { describe, expect, it } from 'vitest';
import { findCursor } from '#src/cli/completion/cursor.js';
import type { OptionTable } from '#src/cli/options/option-table.js';

const TABLE: OptionTable = {
  flag: { kind: 'flag', short: 'f', summary: '' },
  text: { kind: 'text', short: 't', takes: 'file', summary: '' },
  pair: {
    kind: 'choice',
    short: 'p',
    choices: ['oci', 'tar'],
    second: { oci: { takes: 'directory' } },
    summary: '',
  },
  list: { kind: 'list', summary: '' },
  color: { kind: 'text', choices: ['auto', 'never'], ifBare: 'always', summary: '' },
};

/** What the last word of the line is. */
function wanted(line: string) {
  const words = line.split(' ');
  const { wanted, values, positionals } = findCursor(
    { before: words.slice(0, -1), word: words.at(-1)! },
    TABLE,
  );
  const texts = positionals.map(({ text }) => text);
  if (wanted.kind === 'option') return ['option', texts, Object.fromEntries(values)];
  if (wanted.kind === 'positional') return [wanted.number, texts, Object.fromEntries(values)];
  const { choices, takes } = wanted.spec;
  return [[choices?.join(), takes, wanted.prefix], texts, Object.fromEntries(values)];
}

describe('the word under the cursor', () => {
  it.each<[string, unknown, string[], object]>([
    ['', 0, [], {}],
    ['a', 0, [], {}],
    ['a b', 1, ['a'], {}],
    ['-', 'option', [], {}],
    ['--', 'option', [], {}],
    ['--te', 'option', [], {}],
    ['-f', 'option', [], {}],
    ['- x', 1, ['-'], {}],
    ['--text x', [undefined, 'file', ''], [], {}],
    ['--text --fl', [undefined, 'file', ''], [], {}],
    ['--text=x', [undefined, 'file', '--text='], [], {}],
    ['--text=', [undefined, 'file', '--text='], [], {}],
    ['--flag=x', 'option', [], {}],
    ['--unknown=x', 'option', [], {}],
    ['--unknown x', 0, [], {}],
    ['--constructor=x', 'option', [], {}],
    ['-t x', [undefined, 'file', ''], [], {}],
    ['-tx', [undefined, 'file', '-t'], [], {}],
    ['-t=x', [undefined, 'file', '-t='], [], {}],
    ['-ftx', [undefined, 'file', '-ft'], [], {}],
    ['-ft x', [undefined, 'file', ''], [], { flag: '' }],
    ['-tx y', 0, [], { text: 'x' }],
    ['-t=x y', 0, [], { text: 'x' }],
    ['--text x y z', 1, ['y'], { text: 'x' }],
    ['--text=x y', 0, [], { text: 'x' }],
    ['--color x', 0, [], { color: 'always' }],
    ['--color=n', ['auto,never', undefined, '--color='], [], {}],
    ['--pair o', ['oci,tar', undefined, ''], [], {}],
    ['--pair oci d', [undefined, 'directory', ''], [], { pair: 'oci' }],
    ['--pair=o', ['oci,tar', undefined, '--pair='], [], {}],
    ['--pair=oci d', [undefined, 'directory', ''], [], { pair: 'oci' }],
    ['-po', ['oci,tar', undefined, '-p'], [], {}],
    ['-poci d', [undefined, 'directory', ''], [], { pair: 'oci' }],
    ['--pair oci d x', 0, [], { pair: 'oci' }],
    ['--pair oci -', [undefined, 'directory', ''], [], { pair: 'oci' }],
    ['--pair oci --te', 'option', [], { pair: 'oci' }],
    ['--pair oci --text x', [undefined, 'file', ''], [], { pair: 'oci' }],
    ['--pair tar x', 0, [], { pair: 'tar' }],
    ['--pair=tar x y', 1, ['x'], { pair: 'tar' }],
    ['--pair __proto__ x', 0, [], { pair: '__proto__' }],
    ['-f -- -x', 0, [], { flag: '' }],
    ['a -- --text y', 2, ['a', '--text'], {}],
  ])('of %j', (line, kind, positionals, values) => {
    expect(wanted(line)).toEqual([kind, positionals, values]);
  });
});
