import { bytesOfText, isRaw, textOfBytes } from '../../base/text/raw-text.js';

const DOT = 0x2e;
/** Above all code points. */
const ABOVE_CHARACTERS = 0x110000;

type Piece =
  | { kind: 'star' }
  | { kind: 'any' }
  | { kind: 'one'; character: string }
  | { kind: 'set'; ranges: readonly (readonly [number, number])[]; isNegated: boolean };

/** One component of a pattern. */
export type NamePattern =
  | { kind: 'name'; name: Uint8Array } // matches only this name
  | { kind: 'wild'; matches(name: Uint8Array): boolean };

/**
 * Parses one component of a pattern as a shell does (POSIX, 2.13): `*` and `?`, `[a-z]`, `[!a-z]`
 * or `[^a-z]`. A backslash escapes the next character. A leading dot in a name needs one in the
 * pattern.
 */
export function namePattern(text: Uint8Array): NamePattern {
  const pieces = parse(charactersOf(text));
  if (pieces.every((piece) => piece.kind === 'one'))
    return { kind: 'name', name: bytesOfText(pieces.map(({ character }) => character).join('')) };
  const [first] = pieces;
  const wantsDot = first?.kind === 'one' && first.character === '.';
  return {
    kind: 'wild',
    matches: (name) => (name[0] !== DOT || wantsDot) && matches(pieces, charactersOf(name)),
  };
}

/** Each byte that is not UTF-8 is one character, a lone surrogate. */
function charactersOf(name: Uint8Array): string[] {
  return Array.from(textOfBytes(name));
}

/** Orders characters for ranges: bytes that are not UTF-8 above all others. */
function rankOf(character: string): number {
  const point = character.codePointAt(0)!;
  return isRaw(character) ? point + ABOVE_CHARACTERS : point;
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
      pieces.push({ kind: 'one', character: isEscape ? pattern[++at]! : character });
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

function isOne(piece: Piece, character: string): boolean {
  if (piece.kind === 'one') return piece.character === character;
  if (piece.kind !== 'set') return piece.kind === 'any';
  const rank = rankOf(character);
  return piece.ranges.some(([from, to]) => rank >= from && rank <= to) !== piece.isNegated;
}

/**
 * Backtracks only to the last `*`: earlier ones never need to change. Time: at most name times
 * pattern.
 */
function matches(pieces: readonly Piece[], characters: readonly string[]): boolean {
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
