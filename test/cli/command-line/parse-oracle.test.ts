import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseArguments } from '#src/cli/command-line/parse-arguments.js';
import type { OptionTable } from '#src/cli/options/option-table.js';

/** Node's own parser reads words as getopt_long(3) does, except that it takes empty ones. */

const OPTIONS = {
  quiet: { kind: 'flag', short: 'q', summary: '' },
  json: { kind: 'flag', summary: '' },
  'log-file': { kind: 'text', short: 'l', value: 'FILE', summary: '' },
  memory: { kind: 'text', value: 'SIZE', summary: '' },
  option: { kind: 'list', short: 'o', value: 'OPT', summary: '' },
} as const satisfies OptionTable;

const COMMAND = {
  name: 'frob',
  options: OPTIONS,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, names: 'WORD...' },
};

const FOR_NODE = {
  quiet: { type: 'boolean', short: 'q', default: false },
  json: { type: 'boolean', default: false },
  'log-file': { type: 'string', short: 'l', multiple: true },
  memory: { type: 'string', multiple: true },
  option: { type: 'string', short: 'o', multiple: true, default: [] as string[] },
} as const;

/**
 * Returns what Node reads; undefined if that is wrong usage. As in Python, `-l=FILE` is `-lFILE`.
 */
function oracle(words: readonly string[]): unknown {
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  const args = words.map((word, i) => (i < end ? word.replace(/^(-q*[lo])=(?=.)/s, '$1') : word));
  // An empty value; and `-q-`, which Node takes for `-q --`.
  if (words.slice(0, end).some((word) => /^-(q*[lo]=$|q+-)/.test(word))) return undefined;
  try {
    const { values, positionals } = parseArgs({
      args,
      options: FOR_NODE,
      allowPositionals: true,
    });
    const texts = [...positionals, ...Object.values(values).flat()];
    if (texts.includes('')) return undefined;
    const last = { 'log-file': values['log-file']?.at(-1), memory: values.memory?.at(-1) };
    return { options: { ...values, ...last }, positionals };
  } catch {
    return undefined;
  }
}

function ours(words: readonly string[]): unknown {
  try {
    const { options, positionals } = parseArguments(words, COMMAND);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    return { options: Object.fromEntries(given), positionals };
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    return undefined;
  }
}

const character = fc.constantFrom('-', 'q', 'l', 'o', '=', '1', 'x', '.', '"', "'", ' ', '\n', '\ud800');
const value = fc.string({ unit: character, maxLength: 4 });
const long = fc.constantFrom(
  '--quiet',
  '--json',
  '--log-file',
  '--memory',
  '--option',
  '--frob',
  '--no-quiet',
  '--_',
  '--$0',
  '--__proto__',
);
const word = fc.oneof(
  value,
  value.map((text) => `-${text}`),
  long,
  fc.tuple(long, value).map((parts) => parts.join('=')),
  fc.constantFrom('a', 'true', 'false', '007', '1e3', '0x10', 'a.b', '--', '-', '-ql', '__proto__'),
);

it('reads any words as Node does', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      expect(ours(words)).toEqual(oracle(words));
    }),
    { numRuns: 3000 },
  );
});
