import yargs from 'yargs';
import type { OptionTable, OptionValues } from './option-table.js';
import { usageError } from './usage-error.js';

/** Words as they are: no numbers made of digits, no `a.b` as an object, no `--no-x`, one value an occurrence. */
const PLAIN_WORDS = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'populate--': true, // else what stands after `--` is lost
};

export interface ParsedArguments<T extends OptionTable> {
  options: OptionValues<T>;
  positionals: string[];
}

/**
 * The words of one command by its table of options.
 * @throws LayerslayerError INVALID_ARGUMENT (yargs itself would exit with 1, and we promise 2)
 */
export function parseArguments<T extends OptionTable>(
  words: readonly string[],
  table: T,
): ParsedArguments<T> {
  const parser = yargs()
    .locale('en') // also: don't look for the language in the environment
    .help(false)
    .version(false)
    .exitProcess(false)
    .strictOptions()
    .parserConfiguration(PLAIN_WORDS)
    .fail((message, error) => {
      throw usageError(inOurWords(error?.message ?? message));
    });
  for (const [name, spec] of Object.entries(table)) {
    const alias = spec.short === undefined ? {} : { alias: spec.short };
    if (spec.kind === 'flag') parser.option(name, { ...alias, type: 'boolean' });
    // Lists too are read as strings: yargs' arrays take words that belong to nobody.
    else parser.option(name, { ...alias, type: 'string', requiresArg: true });
  }
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parser.parseSync([...words]);
  const entries = Object.entries(table).map(([name, spec]) => {
    const given = parsed[name] === undefined ? [] : [parsed[name]].flat();
    if (spec.kind === 'flag') return [name, given.at(-1) === true];
    for (const value of given) if (value === '') throw usageError(`--${name} wants a value`);
    return [name, spec.kind === 'list' ? given : given.at(-1)];
  });
  const after = Array.isArray(parsed['--']) ? parsed['--'] : [];
  return {
    options: Object.fromEntries(entries) as OptionValues<T>,
    positionals: [...parsed._, ...after].map(String),
  };
}

/** yargs' sentences, with the options spelled as they are typed. */
function inOurWords(message: string): string {
  const dashed = (names: string) => names.split(', ').map((name) => (name.length === 1 ? '-' : '--') + name);
  const unknown = /^Unknown arguments?: (.+)$/s.exec(message);
  if (unknown) return `unknown option: ${dashed(unknown[1]!).join(', ')}`;
  const lacking = /^Not enough arguments following: (.+)$/s.exec(message);
  if (lacking) return `${dashed(lacking[1]!).join(', ')} wants a value`;
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
