import { bytesOfText, textOfBytes } from '../base/raw-text.js';

/** Surrogates that stand for bytes that are not UTF-8: see `raw-text.ts`. */
const RAW_BYTES = { first: 0xdc80, last: 0xdcff };
/** Added to these: ranges sort such bytes above all characters. */
const ABOVE_CHARACTERS = 0x110000;

const BACKSLASH = 0x5c;
const SIGNS = {
  star: 0x2a,
  any: 0x3f,
  open: 0x5b,
  close: 0x5d,
  not: 0x21,
  caret: 0x5e,
  dash: 0x2d,
  dot: 0x2e,
};

type Piece =
  | { kind: 'star' }
  | { kind: 'any' }
  | { kind: 'one'; symbol: number }
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
  const pieces = parse(symbolsOf(text));
  if (pieces.every((piece) => piece.kind === 'one'))
    return { kind: 'name', name: bytesOf(pieces.map(({ symbol }) => symbol)) };
  const [first] = pieces;
  const wantsDot = first?.kind === 'one' && first.symbol === SIGNS.dot;
  return {
    kind: 'wild',
    matches: (name) => (name[0] !== SIGNS.dot || wantsDot) && matches(pieces, symbolsOf(name)),
  };
}

/** Returns the characters of a name as code points. Each byte that is not UTF-8 is one symbol. */
function symbolsOf(name: Uint8Array): number[] {
  return Array.from(textOfBytes(name), (character) => {
    const point = character.codePointAt(0)!;
    return point < RAW_BYTES.first || point > RAW_BYTES.last ? point : point + ABOVE_CHARACTERS;
  });
}

function bytesOf(symbols: readonly number[]): Uint8Array {
  const points = symbols.map((symbol) => symbol - (symbol < ABOVE_CHARACTERS ? 0 : ABOVE_CHARACTERS));
  return bytesOfText(points.map((point) => String.fromCodePoint(point)).join(''));
}

function parse(pattern: readonly number[]): Piece[] {
  const pieces: Piece[] = [];
  let mayHaveSets = true;
  for (let at = 0; at < pattern.length; at++) {
    const symbol = pattern[at]!;
    if (symbol === SIGNS.star) {
      if (pieces.at(-1)?.kind !== 'star') pieces.push({ kind: 'star' });
    } else if (symbol === SIGNS.any) {
      pieces.push({ kind: 'any' });
    } else if (symbol === SIGNS.open && mayHaveSets) {
      const set = parseSet(pattern, at);
      if (set) {
        pieces.push(set.piece);
        at = set.end;
      } else {
        // No later bracket is closed either. Searching for each end would take quadratic time.
        mayHaveSets = false;
        pieces.push({ kind: 'one', symbol });
      }
    } else {
      const isEscape = symbol === BACKSLASH && at + 1 < pattern.length;
      pieces.push({ kind: 'one', symbol: isEscape ? pattern[++at]! : symbol });
    }
  }
  return pieces;
}

/** @returns undefined if the bracket at `open` is not closed */
function parseSet(pattern: readonly number[], open: number): { piece: Piece; end: number } | undefined {
  let at = open + 1;
  const isNegated = pattern[at] === SIGNS.not || pattern[at] === SIGNS.caret;
  if (isNegated) at++;
  const first = at;
  const ranges: [number, number][] = [];
  const member = () => {
    if (pattern[at] === BACKSLASH && at + 1 < pattern.length) at++;
    return pattern[at++]!;
  };
  // A `]` right after the bracket or its `!` is a member.
  while (at < pattern.length && (pattern[at] !== SIGNS.close || at === first)) {
    const from = member();
    const isRange = pattern[at] === SIGNS.dash && at + 1 < pattern.length && pattern[at + 1] !== SIGNS.close;
    if (isRange) at++;
    ranges.push([from, isRange ? member() : from]);
  }
  return at < pattern.length ? { piece: { kind: 'set', ranges, isNegated }, end: at } : undefined;
}

function isOne(piece: Piece, symbol: number): boolean {
  switch (piece.kind) {
    case 'any':
      return true;
    case 'one':
      return piece.symbol === symbol;
    case 'set':
      return piece.ranges.some(([from, to]) => symbol >= from && symbol <= to) !== piece.isNegated;
    case 'star':
      return false;
  }
}

/**
 * Backtracks only to the last `*`: earlier ones never need to change. Time: at most name times
 * pattern.
 */
function matches(pieces: readonly Piece[], symbols: readonly number[]): boolean {
  let piece = 0;
  let star = -1;
  let resume = 0;
  for (let at = 0; at < symbols.length; ) {
    const wanted = pieces[piece];
    if (wanted?.kind === 'star') {
      star = piece++;
      resume = at;
    } else if (wanted && isOne(wanted, symbols[at]!)) {
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
