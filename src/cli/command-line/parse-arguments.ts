import type { Argv } from 'yargs';
import type { CommandDeclaration } from '../command-declaration.js';
import {
  type OptionSpec,
  type OptionTable,
  type OptionValues,
  VALUE_COUNTS,
} from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { longOptions } from './long-options.js';
import { MISSING_VALUE, newParser, PROGRAM, SURPLUS_VALUE, UNKNOWN_OPTION } from './parser.js';
import { unknownOption } from './unknown-option.js';

/** What parsing needs to know of a command. */
type ParsedCommand<T extends OptionTable = OptionTable> = Pick<
  CommandDeclaration<T>,
  'name' | 'options' | 'positionals'
>;

/**
 * Parses the words of one command by yargs, as getopt_long(3) does: positionals anywhere,
 * everything after `--`.
 *
 * The command has a yargs of its own. As a command of another one, it would have its words parsed
 * twice and its help laid out with each call, which takes 20 ms (measured).
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parseArguments<T extends OptionTable>(
  words: readonly string[],
  command: ParsedCommand<T>,
): { options: OptionValues<T>; positionals: string[] } {
  const { options: table } = command;
  const parser = newParser((message) => fault(message, table)).strictOptions();
  for (const [name, { kind }] of Object.entries(table)) declare(parser, name, kind);
  const given = parser.parseSync(longOptions(words, table));
  const positionals = given._.map(String);
  checkPositionals(command, positionals);
  const values = Object.entries(table).map(([name, spec]) => [name, parsedValue(name, spec, given[name])]);
  return { options: Object.fromEntries(values), positionals };
}

/** Not by yargs: it counts before it has seen that `--frob a` is no option with its value. */
function checkPositionals({ name, positionals }: ParsedCommand, words: readonly string[]): void {
  const { min, max, names } = positionals;
  const isCounted = words.length >= min && words.length <= max;
  // An empty path would be the working directory: `layerslayer mount nginx "$UNSET"`.
  if (isCounted && !words.includes('')) return;
  const want = names === '' ? 'no arguments' : names;
  const got = isCounted ? 'an empty one' : words.length;
  const help = name === PROGRAM ? PROGRAM : `${PROGRAM} ${name}`;
  throw usageError(`${name} wants ${want}, got ${got}: see ${help} --help`);
}

function declare(parser: Argv, name: string, kind: OptionSpec['kind']): void {
  parser.option(name, { type: kind === 'flag' ? 'boolean' : 'string', nargs: VALUE_COUNTS[kind] });
}

/** @param given by yargs: an array, if there are several or the option was repeated */
function parsedValue(name: string, spec: OptionSpec, given: unknown) {
  if (spec.kind === 'flag') return given === true;
  const texts = given === undefined ? [] : ([given].flat() as string[]);
  if (texts.includes('')) throw wantsValue(name, spec);
  if (spec.kind === 'list') return texts;
  if (spec.kind === 'pair') return texts.length === 0 ? undefined : texts.slice(-2);
  return texts.at(-1);
}

function wantsValue(name: string, { kind, value = 'VALUE' }: OptionSpec): Error {
  return usageError(`--${name} wants ${kind === 'pair' ? 'two values' : 'a value'}: ${value}`);
}

/** Completes a message of yargs, which names an option without its dashes. */
function fault(message: string, table: OptionTable): Error {
  const about = (start: string) => (message.startsWith(start) ? message.slice(start.length) : undefined);
  const unknown = about(UNKNOWN_OPTION); // all of them, separated by commas
  if (unknown !== undefined) return unknownOption(`--${unknown.split(', ')[0]}`, table);
  const missing = about(MISSING_VALUE);
  if (missing !== undefined) return wantsValue(missing, table[missing]!);
  const surplus = about(SURPLUS_VALUE);
  return usageError(surplus === undefined ? message : `--${surplus} takes no value`);
}
