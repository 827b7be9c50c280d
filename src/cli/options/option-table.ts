/** What an argument is, for completion. `image-path` is a path inside the image before it. */
export type ArgumentKind = 'image' | 'image-path' | 'mountpoint' | 'file' | 'directory' | 'platform';

/** What a shell can complete of a positional or of an option's value. */
export interface ArgumentSpec {
  choices?: readonly string[]; // words
  takes?: ArgumentKind;
}

/** A command's option: the source of parsing, help and the types of parsed values. */
export interface OptionSpec extends ArgumentSpec {
  /**
   * `flag` has no value, `text` one; the last one counts. `list` may repeat. `choice` has a word,
   * and perhaps a second one, as `second` says.
   */
  kind: 'flag' | 'text' | 'choice' | 'list';
  /** The second word that some words of a `choice` may have. An option is never taken for it. */
  second?: Readonly<Record<string, ArgumentSpec>>;
  short?: string; // one letter
  value?: string; // what the value is, for help: SIZE
  summary: string;
  default?: string; // for help only
  /** Where another value surprises: earlier ones are named in a warning. */
  warnsIfRepeated?: boolean;
  /**
   * The value if none is given: `--color` alone is `--color=always`. A word of its own is no value
   * then: it needs a `=`, as in getopt_long(3).
   */
  ifBare?: string;
  /** The option that this is another spelling of: `depth`, and of a flag `sort=size`. */
  standsFor?: string;
  /**
   * Digits, and what looks like a place of an image, need a `=`: `-l 2` probably means `--layer 2`,
   * and `-l nginx:alpine` the long listing of ls.
   */
  refusesDoubtful?: boolean;
  /** A value may begin with a dash and a digit: `--size -1k`. */
  mayBeNegative?: boolean;
}

/** Options by their long name. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S['kind'] extends 'flag'
  ? boolean
  : S['kind'] extends 'list'
    ? readonly WordOf<S>[]
    : S['kind'] extends 'choice'
      ? readonly [word: WordOf<S>, second?: string] | undefined
      : WordOf<S> | undefined;

/** Parsing refuses words that are none of the choices. */
type WordOf<S extends OptionSpec> = S extends { choices: readonly (infer W extends string)[] } ? W : string;

/** What was given: false, undefined or an empty list where nothing was. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** Options that take values, perhaps in words of their own, by their names: `--platform`, `-l`. */
export function valueOptions(table: OptionTable): Map<string, OptionSpec> {
  const specs = new Map<string, OptionSpec>();
  for (const [name, spec] of Object.entries(table)) {
    if (!takesWord(spec)) continue;
    specs.set(`--${name}`, spec);
    if (spec.short !== undefined) specs.set(`-${spec.short}`, spec);
  }
  return specs;
}

/** Returns the option of a letter. */
export function shortOption(table: OptionTable, letter: string): OptionSpec | undefined {
  return Object.values(table).find(({ short }) => short === letter);
}

/** Returns whether the word after an option is its value. */
export function takesWord({ kind, ifBare }: OptionSpec): boolean {
  return kind !== 'flag' && ifBare === undefined;
}

/**
 * Returns how many of the words after an option are its values.
 * @param joined the first value, if it is in the option's own word: `--name=VALUE`
 */
export function countValues(spec: OptionSpec, joined: string | undefined, words: readonly string[]): number {
  if (!takesWord(spec)) return 0;
  const own = joined === undefined ? 1 : 0;
  const second = spec.kind === 'choice' ? secondOf(spec, joined ?? words[0]) : undefined;
  const next = words[own];
  return second === undefined || next === undefined || isOptionWord(next) ? own : own + 1;
}

/** Returns what the second word of a `choice` is, if the first one may have one. */
export function secondOf({ second }: OptionSpec, first: string | undefined): ArgumentSpec | undefined {
  return first !== undefined && second && Object.hasOwn(second, first) ? second[first] : undefined;
}

/** `-` alone stands for stdin or stdout. */
export function isOptionWord(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}
