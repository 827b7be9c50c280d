import { countValues, type OptionSpec, type OptionTable } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { unknownOption } from './unknown-option.js';

/**
 * Words that yargs takes for a positional, for an option that ends with the line, or for one of its
 * own, such as `_` for positionals.
 */
const NOT_A_NAME = /^--(-|(_|\$0|__proto__)(=|$)|[^=]*[\n\r\u2028\u2029])/;

/** Joins the words of a `choice`. No word of a command line has this character. */
const JOINT = '\0';

/**
 * Writes short options as long ones, as getopt_long(3) reads them: `-qlFILE` is `--quiet
 * --log-file=FILE`. As in Python, `-l=FILE` is `-lFILE`. yargs takes each letter of `-lFILE` for a
 * flag. Of a `choice`, whose first word decides how many it has, it writes all words as one value:
 * yargs wants their number beforehand. `wordsOfChoice` takes them apart.
 * @throws LayerslayerError INVALID_ARGUMENT for an unknown letter, and for a value of digits only
 *   (`refusesDigits`), since yargs does not know whether it was written with a `=`
 */
export function longOptions(
  words: readonly string[],
  { name: command, options: table }: { name: string; options: OptionTable },
): string[] {
  const end = words.indexOf('--');
  const [options, rest] = end === -1 ? [words, []] : [words.slice(0, end), words.slice(end)];
  const long = withNegativeValues(options, table).flatMap((word) =>
    /^-[^-]/s.test(word) ? ofGroup(word, table, command) : [word],
  );
  for (const [i, word] of long.entries()) {
    if (NOT_A_NAME.test(word)) throw unknownOption(word, table, command);
    const name = word.slice(2);
    const spec = word.startsWith('--') && Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec?.refusesDigits && isNumber(long[i + 1])) throw wantsNoNumber(name, spec, long[i + 1]!);
  }
  return [...joinChoices(long, table), ...rest];
}

/** Returns the words of a `choice`, from the one value that `longOptions` made of them. */
export const wordsOfChoice = (value: string) => value.split(JOINT);

function joinChoices(words: readonly string[], table: OptionTable): string[] {
  const joined: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const [, name = word.slice(2), value] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    const spec = word.startsWith('--') && Object.hasOwn(table, name) ? table[name] : undefined;
    const next = words.slice(i + 1);
    const count = spec?.kind === 'choice' ? countValues(spec, value, next) : 0;
    // A lone `--name` stays, and so does one before an option: yargs says what is missing.
    if (count > (value === undefined ? 1 : 0)) {
      const values = [...(value === undefined ? [] : [value]), ...next.slice(0, count)];
      joined.push(`--${name}=${values.join(JOINT)}`);
      i += count;
    } else joined.push(word);
  }
  return joined;
}

/** Writes `--size -1k` as `--size=-1k`: the value is no group of options. */
function withNegativeValues(words: readonly string[], table: OptionTable): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const name = joined.at(-1)?.slice(2) ?? '';
    const isValue = /^-\d/.test(word) && Object.hasOwn(table, name) && table[name]?.mayBeNegative === true;
    if (isValue) joined.push(`${joined.pop()}=${word}`);
    else joined.push(word);
  }
  return joined;
}

/** `-q`, `-ql`, `-qlFILE`, `-ql=FILE`: the first option with a value ends the group. */
function ofGroup(group: string, table: OptionTable, command: string): string[] {
  // `-lazy` would log to a file called `azy`.
  const name = group.slice(1).split('=')[0]!;
  if (name.length > 1 && Object.hasOwn(table, name)) throw unknownOption(`-${name}`, table, command);
  const long: string[] = [];
  for (let i = 1; i < group.length; i++) {
    const letter = group[i]!;
    const found = Object.entries(table).find(([, { short }]) => short === letter);
    if (!found) throw unknownOption(`-${letter}`, table, command);
    const [name, spec] = found;
    const value = group.slice(i + 1);
    if (spec.kind === 'flag' && value.startsWith('=')) throw usageError(`-${letter} takes no value`);
    if (spec.kind === 'flag' || value === '') long.push(`--${name}`);
    else if (spec.refusesDigits && isNumber(value)) throw wantsNoNumber(name, spec, value);
    else long.push(`--${name}=${value.replace(/^=/, '')}`);
    if (spec.kind !== 'flag') break;
  }
  return long;
}

const isNumber = (word: string | undefined) => word !== undefined && /^\d+$/.test(word);

function wantsNoNumber(name: string, spec: OptionSpec, value: string): Error {
  const file = `for a file of that name use --${name}=${value} or ./${value}`;
  return usageError(`--${name} wants ${spec.value}, got ${value}: ${file}`);
}
