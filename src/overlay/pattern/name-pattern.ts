import { bytesOfText, isRaw, textOfBytes } from '../../base/text/raw-text.js';

const DOT = 0x2e;
/** Above all ASCII. */
const ABOVE_ASCII = 0x80;
/** Above all code points. */
const ABOVE_CHARACTERS = 0x110000;
/** The Kelvin sign is another capital of `k`. */
const K = 0x6b;

/** `rank`: of a character, see `rankOf`. */
type Piece =
  | { kind: 'star' }
  | { kind: 'any' }
  | { kind: 'one'; rank: number; character: string }
  | { kind: 'set'; ranges: readonly (readonly [number, number])[]; isNegated: boolean };

/** One component of a pattern. */
export type NamePattern =
  | { kind: 'name'; name: Uint8Array } // matches only this name
  | {
      kind: 'wild';
      matches(name: Uint8Array): boolean;
      /** Bytes that are in each name that matches; with `ignoresCase` in its lower case. */
      literal: Uint8Array;
    };

/** How names are matched. Default: as in a shell. */
export interface PatternStyle {
  /** Wildcards match a leading dot, as in find(1) and .gitignore. */
  matchesDots?: boolean | undefined;
  /** `a` and `A` are the same, as in `find -iname`. */
  ignoresCase?: boolean | undefined;
}

/**
 * Parses one component of a pattern as a shell does (POSIX, 2.13): `*` and `?`, `[a-z]`, `[!a-z]`
 * or `[^a-z]`. A backslash escapes the next character. A leading dot in a name needs one in the
 * pattern, unless `matchesDots` is set.
 */
export function namePattern(
  text: Uint8Array,
  { matchesDots = false, ignoresCase = false }: PatternStyle = {},
): NamePattern {
  const pieces = parse(Array.from(textOfBytes(text)));
  if (!ignoresCase && pieces.every((piece) => piece.kind === 'one'))
    return { kind: 'name', name: bytesOfText(pieces.map(({ character }) => character).join('')) };
  const [first] = pieces;
  const takesDot = matchesDots || (first?.kind === 'one' && first.character === '.');
  const isOne = ignoresCase ? isOneInAnyCase : isOneExactly;
  return {
    kind: 'wild',
    matches: (name) => (name[0] !== DOT || takesDot) && matches(pieces, ranksOf(name), isOne),
    literal: literalOf(pieces, ignoresCase),
  };
}

/** Each byte that is not UTF-8 is one character, a lone surrogate. */
function ranksOf(name: Uint8Array): ArrayLike<number> {
  for (let at = 0; at < name.length; at++) {
    if (name[at]! >= ABOVE_ASCII) return Array.from(textOfBytes(name), rankOf);
  }
  return name; // most names: nothing is allocated
}

/** Orders characters for ranges: bytes that are not UTF-8 above all others. */
function rankOf(character: string): number {
  const point = character.codePointAt(0)!;
  return point >= ABOVE_ASCII && isRaw(character) ? point + ABOVE_CHARACTERS : point;
}

function parse(pattern: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  let mayHaveSets = true;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    const set = character === '[' && mayHaveSets ? parseSet(pattern, at) : undefined;
    if (character === '*') {
      if (pieces.at(-1)?.kind !== 'star') pieces.push({ kind: 'star' });
    } else if (character === '?') {
      pieces.push({ kind: 'any' });
    } else if (set) {
      pieces.push(set.piece);
      at = set.end;
    } else {
      // No later bracket is closed either. Searching for each end would take quadratic time.
      if (character === '[') mayHaveSets = false;
      const isEscape = character === '\\' && at + 1 < pattern.length;
      const literal = isEscape ? pattern[++at]! : character;
      pieces.push({ kind: 'one', rank: rankOf(literal), character: literal });
    }
  }
  return pieces;
}

/** @returns undefined if the bracket at `open` is not closed */
function parseSet(pattern: readonly string[], open: number): { piece: Piece; end: number } | undefined {
  let at = open + 1;
  const isNegated = pattern[at] === '!' || pattern[at] === '^';
  if (isNegated) at++;
  const first = at;
  const ranges: [number, number][] = [];
  const member = () => {
    if (pattern[at] === '\\' && at + 1 < pattern.length) at++;
    return rankOf(pattern[at++]!);
  };
  // A `]` right after the bracket or its `!` is a member.
  while (at < pattern.length && (pattern[at] !== ']' || at === first)) {
    const from = member();
    const isRange = pattern[at] === '-' && at + 1 < pattern.length && pattern[at + 1] !== ']';
    if (isRange) at++;
    ranges.push([from, isRange ? member() : from]);
  }
  return at < pattern.length ? { piece: { kind: 'set', ranges, isNegated }, end: at } : undefined;
}

function isOneExactly(piece: Piece, rank: number): boolean {
  if (piece.kind === 'one') return piece.rank === rank;
  return piece.kind !== 'set' || isIn(piece.ranges, rank) !== piece.isNegated;
}

function isOneInAnyCase(piece: Piece, rank: number): boolean {
  if (piece.kind === 'one') return piece.rank === rank || lowerCase(piece.rank) === lowerCase(rank);
  if (piece.kind !== 'set') return true;
  const { ranges, isNegated } = piece;
  const isMember = [rank, lowerCase(rank), upperCase(rank)].some((one) => isIn(ranges, one));
  return isMember !== isNegated;
}

function isIn(ranges: readonly (readonly [number, number])[], rank: number): boolean {
  return ranges.some(([from, to]) => rank >= from && rank <= to);
}

const lowerCase = (rank: number) => inCase(rank, (character) => character.toLowerCase());
const upperCase = (rank: number) => inCase(rank, (character) => character.toUpperCase());

/** A character whose other case is several characters has none. */
function inCase(rank: number, change: (character: string) => string): number {
  if (rank >= ABOVE_CHARACTERS) return rank;
  const changed = change(String.fromCodePoint(rank));
  const point = changed.codePointAt(0)!;
  return changed.length === String.fromCodePoint(point).length ? point : rank;
}

/**
 * Backtracks only to the last `*`: earlier ones never need to change. Time: at most name times
 * pattern.
 */
function matches(
  pieces: readonly Piece[],
  characters: ArrayLike<number>,
  isOne: (piece: Piece, rank: number) => boolean,
): boolean {
  let piece = 0;
  let star = -1;
  let resume = 0;
  for (let at = 0; at < characters.length; ) {
    const wanted = pieces[piece];
    if (wanted?.kind === 'star') {
      star = piece++;
      resume = at;
    } else if (wanted && isOne(wanted, characters[at]!)) {
      piece++;
      at++;
    } else if (star !== -1) {
      piece = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (pieces[piece]?.kind === 'star') piece++;
  return piece === pieces.length;
}

/** Returns the longest run of characters that stand for themselves. */
function literalOf(pieces: readonly Piece[], ignoresCase: boolean): Uint8Array {
  let longest = '';
  let run = '';
  for (const piece of pieces) {
    const character = piece.kind === 'one' ? plainCase(piece.character, ignoresCase) : '';
    run = character === '' ? '' : run + character;
    if (run.length > longest.length) longest = run;
  }
  return bytesOfText(longest);
}

/** @returns '' for a character that has other bytes in another case than `A` to `Z` */
function plainCase(character: string, ignoresCase: boolean): string {
  if (!ignoresCase) return character;
  const lower = character.toLowerCase();
  const code = lower.charCodeAt(0);
  return lower.length === 1 && code < ABOVE_ASCII && code !== K ? lower : '';
}
