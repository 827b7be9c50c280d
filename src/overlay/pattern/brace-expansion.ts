import { LayerslayerError } from '../../base/errors.js';

/** Maximum words of one pattern: `{a,b}` thirty times over would expand to a billion. */
const WORDS_MAX = 1024;
/** Maximum bytes of all words. */
const BYTES_MAX = 1024 * 1024;
/** Maximum groups that are expanded for one word. */
const GROUPS_MAX = 64;

const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const COMMA = 0x2c;
const CLOSE = 0x7d;

/**
 * Expands `{a,b}` as bash does, before other special characters: `x{a,b{c,d}}` is `xa`, `xbc` and
 * `xbd`. Braces without a comma or a partner are literal. A backslash escapes the next byte and
 * stays in the word.
 * @throws LayerslayerError INVALID_ARGUMENT past a limit
 */
export function expandBraces(text: Uint8Array): Uint8Array[] {
  const words: Uint8Array[] = [];
  const ahead = [{ word: text, groups: 0 }]; // a stack: the next word is the last
  let bytes = text.length; // of both
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    const { word, groups } = next;
    const marks = firstGroup(word);
    if (!marks) {
      words.push(word);
      continue;
    }
    const head = word.subarray(0, marks[0]);
    const tail = word.subarray(marks.at(-1)! + 1);
    const choices = marks.slice(1).map((end, i) => word.subarray(marks[i]! + 1, end));
    const expanded = choices.map((choice) => Buffer.concat([head, choice, tail]));
    ahead.push(...expanded.reverse().map((one) => ({ word: one, groups: groups + 1 })));
    bytes += expanded.reduce((sum, { length }) => sum + length, -word.length);
    if (words.length + ahead.length > WORDS_MAX) throw tooMuch(`more than ${WORDS_MAX} words`);
    if (groups === GROUPS_MAX) throw tooMuch(`more than ${GROUPS_MAX} levels`);
    if (bytes > BYTES_MAX) throw tooMuch(`more than ${BYTES_MAX} bytes`);
  }
  return words;
}

/** Returns the positions of the first group's opening brace, its commas and its closing brace. */
function firstGroup(text: Uint8Array): number[] | undefined {
  const opened: number[][] = []; // by nesting: the marks so far
  let first: number[] | undefined;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === BACKSLASH) at++;
    else if (byte === OPEN) opened.push([at]);
    else if (byte === COMMA) opened.at(-1)?.push(at);
    else if (byte === CLOSE) {
      const marks = opened.pop();
      if (marks && marks.length > 1 && !(first && first[0]! < marks[0]!)) first = [...marks, at];
    }
  }
  return first;
}

function tooMuch(what: string): LayerslayerError {
  return new LayerslayerError(
    'INVALID_ARGUMENT',
    `the braces of the pattern expand to ${what}: use fewer braces`,
  );
}
