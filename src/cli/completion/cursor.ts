import {
  type ArgumentSpec,
  isOptionWord,
  type OptionSpec,
  type OptionTable,
  secondOf,
  takesWord,
} from '../options/option-table.js';

/** Words of a command line up to the cursor, as the program would get them. */
export interface TypedWords {
  before: readonly string[]; // without the program's name
  word: string; // under the cursor, up to it; may be empty
}

/** What the words of one command say so far. */
export interface Parsed {
  positionals: { text: string; at: number }[]; // `at`: position in the words
  values: Map<string, string>; // of options, by their long name; empty for flags
}

/** What stands under the cursor. */
export type Wanted =
  | { kind: 'option' } // its name
  /** `prefix`: what of the word comes before the value, as `--index=`. */
  | { kind: 'value'; spec: ArgumentSpec; prefix: string }
  | { kind: 'positional'; number: number };

export interface Cursor extends Parsed {
  wanted: Wanted;
}

/** A value that is still to come, of the option `name`. */
interface Awaited {
  name: string;
  spec: ArgumentSpec;
  /** Of a first value: the option, whose words may have a second one. */
  option?: OptionSpec;
}

/**
 * Finds what stands under the cursor, by the table that the command line is parsed by. Unlike a
 * parser, it takes words that are incomplete or unknown.
 */
export function findCursor({ before, word }: TypedWords, table: OptionTable): Cursor {
  const parsed: Parsed = { positionals: [], values: new Map() };
  let awaited: Awaited | undefined;
  let isAfterDashes = false;
  for (const [at, text] of before.entries()) {
    const next = awaited;
    awaited = undefined;
    if (next !== undefined && isValue(text, next)) {
      awaited = next.option && secondAwaited(next.name, next.option, text);
      // A second word does not say what the option is.
      if (next.option) parsed.values.set(next.name, text);
    } else if (isAfterDashes || !isOptionWord(text)) parsed.positionals.push({ text, at });
    else if (text === '--') isAfterDashes = true;
    else awaited = readOption(text, table, parsed.values);
  }
  return { ...parsed, wanted: wantedBy(word, { awaited, isAfterDashes, parsed, table }) };
}

interface Position {
  awaited: Awaited | undefined;
  isAfterDashes: boolean;
  parsed: Parsed;
  table: OptionTable;
}

function wantedBy(word: string, { awaited, isAfterDashes, parsed, table }: Position): Wanted {
  if (awaited !== undefined && isValue(word, awaited)) {
    return { kind: 'value', spec: awaited.spec, prefix: '' };
  }
  if (isAfterDashes || !word.startsWith('-')) {
    return { kind: 'positional', number: parsed.positionals.length };
  }
  const joined = joinedValue(word, table);
  if (joined === undefined) return { kind: 'option' };
  return { kind: 'value', spec: joined.spec, prefix: joined.prefix };
}

/** A first value may begin with a dash. A second one may not: it can be left out. */
function isValue(word: string, { option }: Awaited): boolean {
  return option !== undefined || !isOptionWord(word);
}

/** Records an option. @returns the value that follows in a word of its own */
function readOption(word: string, table: OptionTable, values: Map<string, string>): Awaited | undefined {
  const joined = joinedValue(word, table);
  if (joined !== undefined) {
    const { name, spec, prefix } = joined;
    const value = word.slice(prefix.length);
    values.set(name, value);
    return secondAwaited(name, spec, value);
  }
  for (const [name, spec] of optionsIn(word, table)) {
    if (takesWord(spec)) return { name, spec, option: spec };
    values.set(name, spec.ifBare ?? '');
  }
  return undefined;
}

function secondAwaited(name: string, option: OptionSpec, first: string): Awaited | undefined {
  const spec = secondOf(option, first);
  return spec && { name, spec };
}

/** Returns the options of `--name` or of the group `-abc`. */
function optionsIn(word: string, table: OptionTable): [string, OptionSpec][] {
  const named = Object.entries(table);
  if (word.startsWith('--')) return named.filter(([name]) => `--${name}` === word);
  return [...word.slice(1)].flatMap((letter) => named.filter(([, { short }]) => short === letter));
}

/** Finds the value in `--name=VALUE`, `-nVALUE`, `-n=VALUE` and `-abnVALUE`. */
function joinedValue(word: string, table: OptionTable) {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const name = word.slice(2, equals);
    const spec = equals === -1 || !Object.hasOwn(table, name) ? undefined : table[name];
    if (spec === undefined || spec.kind === 'flag') return undefined;
    return { name, spec, prefix: word.slice(0, equals + 1) };
  }
  for (let at = 1; at < word.length - 1; at++) {
    const [option] = optionsIn(`-${word[at]}`, table);
    if (option === undefined) return undefined;
    const [name, spec] = option;
    if (spec.kind === 'flag') continue;
    return { name, spec, prefix: word.slice(0, word[at + 1] === '=' ? at + 2 : at + 1) };
  }
  return undefined;
}
