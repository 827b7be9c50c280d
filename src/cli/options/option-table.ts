/** What an argument is, for completion. `image-path` is a path inside the image before it. */
export type ArgumentKind = 'image' | 'image-path' | 'mountpoint' | 'file' | 'directory' | 'platform';

/** What a shell can complete of a positional or of an option's value. */
export interface ArgumentSpec {
  choices?: readonly string[]; // words
  takes?: ArgumentKind; // of a pair: the second value; `choices` are the first
}

/** A command's option: the source of parsing, help and the types of parsed values. */
export interface OptionSpec extends ArgumentSpec {
  /** `flag` has no value, `text` one, `pair` two; the last one counts. `list` may repeat. */
  kind: 'flag' | 'text' | 'pair' | 'list';
  short?: string; // one letter
  value?: string; // what the value is, for help: SIZE; of a pair both: `oci DIR`
  summary: string;
  default?: string; // for help only
  /** Where another value surprises: earlier ones are named in a warning. */
  warnsIfRepeated?: boolean;
  /** A value of digits only needs a `=`: `-l 2` probably means `--layer 2`. */
  refusesDigits?: boolean;
  /** A value may begin with a dash and a digit: `--size -1k`. */
  mayBeNegative?: boolean;
}

/** Options by their long name. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S['kind'] extends 'flag'
  ? boolean
  : S['kind'] extends 'list'
    ? readonly string[]
    : S['kind'] extends 'pair'
      ? readonly [string, string] | undefined
      : string | undefined;

/** What was given: false, undefined or an empty list where nothing was. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** How many words of the command line an option takes. */
export const VALUE_COUNTS = { flag: 0, text: 1, list: 1, pair: 2 } as const;

/** Names (`--platform`, `-l`) of the options that take values, and how many. */
export function valueOptions(table: OptionTable): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [name, { kind, short }] of Object.entries(table)) {
    if (kind === 'flag') continue;
    counts.set(`--${name}`, VALUE_COUNTS[kind]);
    if (short !== undefined) counts.set(`-${short}`, VALUE_COUNTS[kind]);
  }
  return counts;
}
