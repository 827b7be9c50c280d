import { countValues, type OptionSpec, type OptionTable, takesWord } from '../options/option-table.js';
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
 * @throws LayerslayerError INVALID_ARGUMENT for an unknown letter, and for a doubtful value
 *   (`refusesDoubtful`), since yargs does not know whether it was written with a `=`
 */
export function longOptions(
  words: readonly string[],
  { name: command, options: table }: { name: string; options: OptionTable },
): string[] {
  const end = words.indexOf('--');
  const [options, rest] = end === -1 ? [words, []] : [words.slice(0, end), words.slice(end)];
  const grouped = withNegativeValues(options, table).flatMap((word) =>
    /^-[^-]/s.test(word) ? ofGroup(word, table, command) : [word],
  );
  const long = grouped.map((word, i) => spelledOut(word, grouped[i + 1], table));
  for (const [i, word] of long.entries()) {
    if (NOT_A_NAME.test(word)) throw unknownOption(word, table, command);
    const { name, spec, value } = readName(word, table);
    if (value === undefined && spec?.refusesDoubtful && isDoubtful(long[i + 1]))
      throw isNoFile(name, spec, long[i + 1]!);
  }
  return [...joinChoices(long, table), ...rest];
}

/** Splits `--name=VALUE`. No spec: the word is no option of the table. */
function readName(word: string, table: OptionTable) {
  const [, name = word.slice(2), value] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
  const spec = word.startsWith('--') && Object.hasOwn(table, name) ? table[name] : undefined;
  return { name, spec, value };
}

/** Writes an option by the name that counts, and with the value that it has alone. */
function spelledOut(word: string, next: string | undefined, table: OptionTable): string {
  const { name, spec, value } = readName(word, table);
  if (spec?.standsFor !== undefined && (spec.kind !== 'flag' || value === undefined))
    return `--${spec.standsFor}${value === undefined ? '' : `=${value}`}`;
  if (spec?.ifBare === undefined || value !== undefined) return word;
  if (next !== undefined && spec.choices?.includes(next))
    throw usageError(`--${name} ${next} is written with a "=": --${name}=${next}`);
  return `--${name}=${spec.ifBare}`;
}

/** Returns the last word that an option has taken for its value, and the option's name. */
export function lastTaken(
  words: readonly string[],
  table: OptionTable,
): { name: string; word: string } | undefined {
  let last: { name: string; word: string } | undefined;
  for (const [i, option] of words.entries()) {
    if (option === '--') break;
    const { name, spec, value } = readName(option, table);
    const word = value === undefined ? words[i + 1] : wordsOfChoice(value)[1];
    if (spec && takesWord(spec) && word !== undefined) last = { name, word };
  }
  return last;
}

/** Returns the words of a `choice`, from the one value that `longOptions` made of them. */
export const wordsOfChoice = (value: string) => value.split(JOINT);

function joinChoices(words: readonly string[], table: OptionTable): string[] {
  const joined: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const { name, spec, value } = readName(word, table);
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
    else if (spec.refusesDoubtful && isDoubtful(value)) throw isNoFile(name, spec, value);
    else long.push(`--${name}=${value.replace(/^=/, '')}`);
    if (spec.kind !== 'flag') break;
  }
  return long;
}

/** Returns whether a word is a number, or looks like a place of an image: `nginx:alpine`. */
function isDoubtful(word: string | undefined): boolean {
  return word !== undefined && /^\d+$|^[^./~=][^:]*:/.test(word);
}

function isNoFile(name: string, spec: OptionSpec, value: string): Error {
  const file = `for a file of that name use --${name}=${value} or ./${value}`;
  return usageError(`--${name} wants ${spec.value}, got ${value}: ${file}`);
}
