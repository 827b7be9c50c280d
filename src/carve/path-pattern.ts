import { splitPath } from '../overlay/resolve-path.js';
import { expandBraces } from './brace-expansion.js';
import { type NamePattern, namePattern } from './name-pattern.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const GLOBSTAR = Buffer.from('**');
const DOT_BYTE = 0x2e;
const BACKSLASH = 0x5c;

type Part =
  | NamePattern
  | { kind: 'globstar' } // any number of directories, none too
  | { kind: 'parent' } // `..`
  | { kind: 'end' };

/** Numbers of the parts that may come next. */
export type Position = readonly number[];

/**
 * A path with wildcards, as bash reads it with `globstar`: braces are expanded first; `*`, `?` and `[]` stay within one component,
 * `**` as a component crosses directories, whose names don't begin with a dot. It is matched component by component from the
 * root on, at all places of the pattern at once: that takes components times parts at most, whatever the pattern.
 */
export class PathPattern {
  /** Of all words that the braces expand to, one after the other; each closes with an `end`. */
  readonly #parts: readonly Part[];
  /** Before the first component of a path. */
  readonly start: Position;

  private constructor(words: readonly (readonly Part[])[]) {
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
   * @returns undefined when the text has no sign that means more than itself
   * @throws LayerslayerError INVALID_ARGUMENT when its braces expand to too much
   */
  static parse(text: Uint8Array): PathPattern | undefined {
    const components = expandBraces(text).map((word) => splitPath(word).filter((name) => !DOT.equals(name)));
    const words = components.map((names) => names.map(partOf));
    const isPlain = words.length === 1 && words[0]!.every(({ kind }) => kind === 'name' || kind === 'parent');
    return isPlain && !text.includes(BACKSLASH) ? undefined : new PathPattern(words);
  }

  /** Whether the components so far are a match. A last `**` matches the directory itself too, before its slash. */
  isMatch(position: Position, isDirectory: boolean): boolean {
    return (
      position.some((at) => this.#parts[at]!.kind === 'end') || (isDirectory && this.endsInGlobstar(position))
    );
  }

  /** Whether a last `**` is next: then all below match too. */
  endsInGlobstar(position: Position): boolean {
    return position.some((at) => this.#isLastGlobstar(at));
  }

  /** Whether more components could match. */
  isOpen(position: Position): boolean {
    return position.some((at) => this.#parts[at]!.kind !== 'end');
  }

  /** The position after one more component that is a name. */
  after(position: Position, name: Uint8Array): Position {
    const isHidden = name[0] === DOT_BYTE;
    const stays = isHidden ? [] : position.filter((at) => this.#parts[at]!.kind === 'globstar');
    const ends = stays.filter((at) => this.#isLastGlobstar(at)).map((at) => at + 1);
    return this.#closed([...stays, ...ends, ...this.#matched(position, name)]);
  }

  /** The position below a symlink of this name: `**` does not follow it. */
  through(position: Position, name: Uint8Array): Position {
    return this.#closed(this.#matched(position, name));
  }

  /** The position after a `..`. */
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

  /** With the parts behind each `**`, which may match nothing. */
  #closed(positions: readonly number[]): Position {
    const closed = new Set<number>();
    for (let at of positions) {
      closed.add(at);
      while (this.#parts[at]!.kind === 'globstar' && !this.#isLastGlobstar(at)) closed.add(++at);
    }
    return [...closed];
  }
}

function partOf(component: Uint8Array): Part {
  if (GLOBSTAR.equals(component)) return { kind: 'globstar' };
  if (DOT_DOT.equals(component)) return { kind: 'parent' };
  return namePattern(component);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
