import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { optionWords } from '#src/cli/command-line/option-words.js';
import { parseArguments } from '#src/cli/command-line/parse-arguments.js';
import type { OptionTable } from '#src/cli/options/option-table.js';

const TABLE = {
  flag: { kind: 'flag', summary: '' },
  text: { kind: 'text', short: 't', value: 'T', summary: '' },
  list: { kind: 'list', value: 'L', summary: '' },
  choice: { kind: 'choice', value: 'C', second: { two: {} }, summary: '' },
} as const satisfies OptionTable;

const COMMAND = { name: 'frob', options: TABLE, positionals: { min: 0, max: 0, names: '' } };

describe('optionWords', () => {
  it('gives words that parse to the same values', () => {
    const value = fc.string({ minLength: 1 });
    const values = fc.record({
      flag: fc.boolean(),
      text: fc.option(value, { nil: undefined }),
      list: fc.array(value),
      choice: fc.constantFrom(undefined, ['one'] as const, ['two'] as const, ['two', 'a=b'] as const),
    });
    fc.assert(
      fc.property(values, (given) => {
        const { options, positionals } = parseArguments(optionWords(TABLE, given), COMMAND);
        expect({ ...options, positionals }).toEqual({ ...given, positionals: [] });
      }),
    );
  });

  it('leaves out what is not wanted', () => {
    expect(
      optionWords(TABLE, { flag: true, text: 'a', list: ['b', 'c'], choice: undefined }, ['text']),
    ).toEqual(['--flag', '--list=b', '--list=c']);
  });
});
