import { LayerslayerError } from '../base/errors.js';

/** Maximum words of one pattern: `{a,b}` thirty times over would expand to a billion. */
const WORDS_MAX = 1024;
/** Maximum bytes of all words. */
const BYTES_MAX = 1024 * 1024;
/** Maximum nesting of braces. */
const DEPTH_MAX = 64;

const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const COMMA = 0x2c;
const CLOSE = 0x7d;

/** `{a,b}`, by the positions of its braces and commas. */
interface Group {
  open: number;
  commas: number[];
  close: number;
}

/**
 * Expands `{a,b}` as bash does, before other special characters: `x{a,b{c,d}}` is `xa`, `xbc` and
 * `xbd`. Braces without a comma or a partner are literal. A backslash escapes the next byte and
 * stays in the word.
 * @throws LayerslayerError INVALID_ARGUMENT past a limit
 */
export function expandBraces(text: Uint8Array): Uint8Array[] {
  const groups = groupsOf(text);
  if (groups.size === 0) return [text];
  return expand(text, 0, text.length, groups, 0);
}

/** Returns the groups by the position of their opening brace. */
function groupsOf(text: Uint8Array): Map<number, Group> {
  const groups = new Map<number, Group>();
  const opened: Group[] = [];
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === BACKSLASH) at++;
    else if (byte === OPEN) opened.push({ open: at, commas: [], close: -1 });
    else if (byte === COMMA) opened.at(-1)?.commas.push(at);
    else if (byte === CLOSE) {
      const group = opened.pop();
      if (group && group.commas.length > 0) groups.set(group.open, { ...group, close: at });
    }
  }
  return groups;
}

function expand(
  text: Uint8Array,
  from: number,
  to: number,
  groups: ReadonlyMap<number, Group>,
  depth: number,
): Uint8Array[] {
  if (depth > DEPTH_MAX) throw tooMuch(`more than ${DEPTH_MAX} levels`);
  let words: Uint8Array[] = [new Uint8Array(0)];
  let plainFrom = from;
  for (let at = from; at < to; at++) {
    const group = groups.get(at);
    if (!group) continue;
    words = joined(words, [text.subarray(plainFrom, at)]);
    const bounds = [group.open, ...group.commas, group.close];
    const choices: Uint8Array[] = [];
    for (const [i, end] of bounds.slice(1).entries()) {
      choices.push(...expand(text, bounds[i]! + 1, end, groups, depth + 1));
      check(choices.length, lengthOf(choices));
    }
    words = joined(words, choices);
    at = group.close;
    plainFrom = at + 1;
  }
  return joined(words, [text.subarray(plainFrom, to)]);
}

/** Returns each prefix followed by each suffix. */
function joined(heads: readonly Uint8Array[], tails: readonly Uint8Array[]): Uint8Array[] {
  check(heads.length * tails.length, lengthOf(heads) * tails.length + lengthOf(tails) * heads.length);
  return heads.flatMap((head) => tails.map((tail) => Buffer.concat([head, tail])));
}

function lengthOf(words: readonly Uint8Array[]): number {
  return words.reduce((sum, { length }) => sum + length, 0);
}

function check(words: number, bytes: number): void {
  if (words > WORDS_MAX) throw tooMuch(`more than ${WORDS_MAX} words`);
  if (bytes > BYTES_MAX) throw tooMuch(`more than ${BYTES_MAX} bytes`);
}

function tooMuch(what: string): LayerslayerError {
  return new LayerslayerError(
    'INVALID_ARGUMENT',
    `the braces of the pattern expand to ${what}: use fewer braces`,
  );
}
