import { splitPath } from '../resolve-path.js';
import { expandBraces } from './brace-expansion.js';
import { type NamePattern, namePattern, type PatternStyle } from './name-pattern.js';

export type { PatternStyle };

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const GLOBSTAR = Buffer.from('**');
const DOT_BYTE = 0x2e;
const BACKSLASH = 0x5c;
const NOTHING = new Uint8Array(0);

type Part =
  | NamePattern
  | { kind: 'globstar' } // any number of directories, including none
  | { kind: 'parent' } // `..`
  | { kind: 'end' };

/** Indexes of the parts that may come next. */
export type Position = readonly number[];

/**
 * A path with wildcards, as bash reads it with `globstar`. Braces are expanded first. `*`, `?` and
 * `[]` stay within one component. `**` as a component crosses directories whose names have no
 * leading dot. Matching goes component by component from the root, at all positions of the pattern
 * at once. Time: at most components times parts.
 */
export class PathPattern {
  /** Parts of all expanded words in sequence; each word ends with an `end`. */
  readonly #parts: readonly Part[];
  readonly #matchesDots: boolean;
  /** Of words that are one name each: most are. */
  readonly #onlyNames: readonly NamePattern[] | undefined;
  /**
   * By expanded word: bytes that each path has that matches, in one of its components; with
   * `ignoresCase` in lower case. Empty where there are none.
   */
  readonly literals: readonly Uint8Array[];
  /** Position before the first component of a path. */
  readonly start: Position;

  private constructor(words: readonly (readonly Part[])[], matchesDots = false) {
    this.#matchesDots = matchesDots;
    this.literals = words.map(longestLiteral);
    const names = words.flatMap((parts) =>
      parts.filter((part) => part.kind === 'name' || part.kind === 'wild'),
    );
    const isOneEach = words.every((parts) => parts.length === 1) && names.length === words.length;
    this.#onlyNames = isOneEach ? names : undefined;
    this.#parts = words.flatMap((parts) => [...parts, { kind: 'end' } as const]);
    let first = 0;
    const firsts: number[] = [];
    for (const { length } of words) {
      firsts.push(first);
      first += length + 1;
    }
    this.start = this.#closed(firsts);
  }

  /**
   * @returns undefined if the text has no special characters
   * @throws LayerslayerError INVALID_ARGUMENT if the braces expand past a limit
   */
  static parse(text: Uint8Array): PathPattern | undefined {
    const words = wordsOf(text);
    const isPlain = words.length === 1 && words[0]!.every(({ kind }) => kind === 'name' || kind === 'parent');
    return isPlain && !text.includes(BACKSLASH) ? undefined : new PathPattern(words);
  }

  /**
   * As `parse`, also of a text without special characters, in another style.
   * @throws LayerslayerError as `parse`
   */
  static compile(text: Uint8Array, style: PatternStyle): PathPattern {
    return new PathPattern(wordsOf(text, style), style.matchesDots);
  }

  /** Whether a word has a `..`. */
  get hasParent(): boolean {
    return this.#parts.some(({ kind }) => kind === 'parent');
  }

  /** Returns whether the components so far match. A last `**` also matches the directory itself. */
  isMatch(position: Position, isDirectory: boolean): boolean {
    return (
      position.some((at) => this.#parts[at]!.kind === 'end') || (isDirectory && this.endsInGlobstar(position))
    );
  }

  /** Returns whether a last `**` is next: then everything below matches too. */
  endsInGlobstar(position: Position): boolean {
    return position.some((at) => this.#isLastGlobstar(at));
  }

  /** Returns whether more components could match. */
  isOpen(position: Position): boolean {
    return position.some((at) => this.#parts[at]!.kind !== 'end');
  }

  /** Returns the position after another component, a name. */
  after(position: Position, name: Uint8Array): Position {
    const isHidden = name[0] === DOT_BYTE && !this.#matchesDots;
    const stays = isHidden ? [] : position.filter((at) => this.#parts[at]!.kind === 'globstar');
    const ends = stays.filter((at) => this.#isLastGlobstar(at)).map((at) => at + 1);
    return this.#closed([...stays, ...ends, ...this.#matched(position, name)]);
  }

  /** Returns whether a name matches, as the only component of a path to a file. */
  matchesName(name: Uint8Array): boolean {
    const names = this.#onlyNames;
    if (names === undefined) return this.isMatch(this.after(this.start, name), false);
    return names.some((one) => (one.kind === 'name' ? isSame(one.name, name) : one.matches(name)));
  }

  /** Returns the position below a symlink of this name: `**` does not follow it. */
  through(position: Position, name: Uint8Array): Position {
    return this.#closed(this.#matched(position, name));
  }

  /** Returns the position after a `..`. */
  afterParent(position: Position): Position {
    return this.#closed(position.filter((at) => this.#parts[at]!.kind === 'parent').map((at) => at + 1));
  }

  #matched(position: Position, name: Uint8Array): number[] {
    const next: number[] = [];
    for (const at of position) {
      const part = this.#parts[at]!;
      if (part.kind === 'name' ? isSame(part.name, name) : part.kind === 'wild' && part.matches(name))
        next.push(at + 1);
    }
    return next;
  }

  #isLastGlobstar(at: number): boolean {
    return this.#parts[at]!.kind === 'globstar' && this.#parts[at + 1]!.kind === 'end';
  }

  /** Adds the parts behind each `**`, which may match nothing. */
  #closed(positions: readonly number[]): Position {
    const closed = new Set<number>();
    for (let at of positions) {
      closed.add(at);
      while (this.#parts[at]!.kind === 'globstar' && !this.#isLastGlobstar(at)) closed.add(++at);
    }
    return [...closed];
  }
}

function wordsOf(text: Uint8Array, style?: PatternStyle): Part[][] {
  const words = expandBraces(text).map((word) => splitPath(word).filter((name) => !DOT.equals(name)));
  return words.map((names) => names.map((name) => partOf(name, style)));
}

function partOf(component: Uint8Array, style?: PatternStyle): Part {
  if (GLOBSTAR.equals(component)) return { kind: 'globstar' };
  if (DOT_DOT.equals(component)) return { kind: 'parent' };
  return namePattern(component, style);
}

function longestLiteral(parts: readonly Part[]): Uint8Array {
  const literals = parts.map((part) =>
    part.kind === 'name' ? part.name : part.kind === 'wild' ? part.literal : NOTHING,
  );
  return literals.reduce((longest, one) => (one.length > longest.length ? one : longest), NOTHING);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
