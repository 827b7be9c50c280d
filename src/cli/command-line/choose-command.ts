import { COMMAND_NAMES, type CommandName, commandNamed } from '../command-names.js';
import { COMMANDS } from '../command-table.js';
import { countValues, isOptionWord, type OptionSpec, valueOptions } from '../options/option-table.js';
import { FIRST_TOOL_FLAGS } from './first-tool-options.js';
import { foreignAdvice, foreignNearMiss } from './foreign-commands.js';
import { MIN_LETTERS, oneSlipAway } from './one-slip.js';

/** What the words of the command line ask for. */
export type Choice =
  | { kind: 'command'; name: CommandName; words: string[]; isMountHelper: boolean }
  /** Flags of the Python tool of the same name: see first-tool.ts. */
  | { kind: 'first-tool'; words: string[] }
  | { kind: 'help' }
  | { kind: 'version' }
  /** `meant`: a command similar to `bare`. `advice`: the equivalent of another tool's command. */
  | { kind: 'nothing'; bare?: string | undefined; meant?: string | undefined; advice?: string };

/**
 * Finds the command: the first word that is neither an option nor an option's value. Without one,
 * two bare arguments are `mount`, as mount(8) calls a helper (`layerslayer IMAGE DIR -o
 * rw,dev,suid`). Exceptions are a mistyped command without `-o` and a command of another tool: they
 * would request an image of that name. `help COMMAND` is `COMMAND --help`.
 *
 * Before yargs is loaded, so that a mount's daemon starts meanwhile. yargs has no words for two
 * bare arguments: a default command would switch off its suggestions.
 */
export function chooseCommand(words: readonly string[]): Choice {
  const isFirstTool = options(words).some(isFirstToolFlag);
  const bare = bareWords(words, isFirstTool);
  const bareTexts = bare.map((i) => words[i]!);
  const [word = '', next = ''] = bareTexts;
  const name = commandNamed(word);
  if (name !== undefined) {
    return { kind: 'command', name, words: words.toSpliced(bare[0]!, 1), isMountHelper: false };
  }
  if (word === 'help') {
    const topic = commandNamed(next);
    if (topic !== undefined) return { kind: 'command', name: topic, words: ['--help'], isMountHelper: false };
    if (bare.length === 1 || (bare.length === 2 && next === 'help')) return { kind: 'help' };
    // A lone absolute path is a mountpoint, as mount(8) passes it.
    if (bare.length === 2 && !next.startsWith('/')) return noCommand([next]);
  }
  if (foreignAdvice(bareTexts) !== undefined && !asks(words, '--help', '-h')) return noCommand(bareTexts);
  if (bare.length >= 2) {
    const mistyped = words.includes('-o') ? undefined : noCommand(bareTexts);
    if (mistyped?.meant !== undefined || mistyped?.advice !== undefined) return mistyped;
    return { kind: 'command', name: 'mount', words: [...words], isMountHelper: true };
  }
  if (asks(words, '--help', '-h')) return { kind: 'help' };
  if (asks(words, '--version') || word === 'version') return { kind: 'version' };
  if (isFirstTool) return { kind: 'first-tool', words: [...words] };
  return noCommand(bareTexts);
}

/** Commands that may be mistyped: one slip makes many words, and images, of `ls`. */
const MISTAKABLE = Object.keys(COMMAND_NAMES).filter((word) => word.length >= MIN_LETTERS);

/** Names what is similar to the first word: our own commands go first. */
function noCommand(bareTexts: readonly string[]): Choice & { kind: 'nothing' } {
  const [bare] = bareTexts;
  if (bare === undefined) return { kind: 'nothing', bare };
  const known = foreignAdvice(bareTexts);
  if (known !== undefined) return { kind: 'nothing', bare, advice: known };
  const meant = oneSlipAway(bare, MISTAKABLE);
  if (meant !== undefined) return { kind: 'nothing', bare, meant };
  const advice = foreignNearMiss(bareTexts);
  return { kind: 'nothing', bare, ...(advice !== undefined && { advice }) };
}

/** The words before the first bare one: options that no command has may stand there. */
export function wordsBeforeCommand(words: readonly string[]): readonly string[] {
  const isFirstTool = options(words).some(isFirstToolFlag);
  return words.slice(0, bareWords(words, isFirstTool)[0] ?? options(words).length);
}

/** Returns whether only the first tool has the option. `-t` may be in a group, with its image. */
function isFirstToolFlag(word: string): boolean {
  const long = /^--([^=]+)/s.exec(word)?.[1];
  return long === undefined ? /^-[qi]*[ti]/.test(word) : Object.hasOwn(FIRST_TOOL_FLAGS, long);
}

/** Positions of words that are no options nor their values. All words after `--` are bare. */
function bareWords(words: readonly string[], isFirstTool: boolean): number[] {
  // `-f` and `-a` of the first tool are flags of commands.
  const tables = [...(isFirstTool ? [FIRST_TOOL_FLAGS] : []), ...COMMANDS.map((command) => command.options)];
  const specs = new Map(tables.flatMap((table) => [...valueOptions(table)]));
  const end = options(words).length;
  const bare: number[] = [];
  for (let i = 0; i < end; i++) {
    if (isOptionWord(words[i]!)) i += followingValues(words[i]!, words.slice(i + 1, end), specs);
    else bare.push(i);
  }
  for (let i = end + 1; i < words.length; i++) bare.push(i);
  return bare;
}

/**
 * Returns how many words after an option are its values. The first option of a group (`-fl FILE`)
 * that takes a value ends the group: the rest of the word, if any, is the value.
 */
function followingValues(
  word: string,
  next: readonly string[],
  specs: ReadonlyMap<string, OptionSpec>,
): number {
  if (word.startsWith('--')) {
    const [, name = word, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    const spec = specs.get(name);
    return spec === undefined ? 0 : countValues(spec, value, next);
  }
  const letters = [...word.slice(1)];
  const taking = letters.findIndex((letter) => specs.has(`-${letter}`));
  if (taking === -1) return 0;
  const value = letters
    .slice(taking + 1)
    .join('')
    .replace(/^=/, '');
  return countValues(
    specs.get(`-${letters[taking]}`)!,
    taking === letters.length - 1 ? undefined : value,
    next,
  );
}

/** The words before `--`. */
function options(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return end === -1 ? words : words.slice(0, end);
}

/** Whether one of the flags stands before `--`. */
export function asks(words: readonly string[], ...flags: string[]): boolean {
  return options(words).some((word) => flags.includes(word));
}
