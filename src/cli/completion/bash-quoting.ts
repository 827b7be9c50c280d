import type { Quote } from './shell-line.js';

/** Characters of ASCII that mean nothing to bash inside a word. */
const PLAIN = /[\w./:@%+,=-]|[^\0-\x7f]/;

/**
 * Quotes words as the open quote demands, so that their common start is whole: readline inserts it,
 * and `a\ b` and `a\$b` would leave the backslash of `a\`.
 */
export function quotedApart(words: readonly string[], quote: Quote): string[] {
  const quoted = words.map((word) => quotedWord(word, quote));
  if (words.length < 2) return quoted.map((word) => closedWord(word, quote));
  const common = commonLength(words);
  const start = quotedWord(words[0]!.slice(0, common), quote);
  const isWhole = (some: readonly string[]) => commonLength(some) === start.length;
  if (isWhole(quoted)) return quoted;
  // All words continue with a quoted character: one of them gets other quotes.
  for (const [i, word] of words.entries()) {
    const other = start + formsOf(word[common]!, quote).at(-1) + quotedWord(word.slice(common + 1), quote);
    const changed = quoted.with(i, other);
    if (isWhole(changed)) return changed;
  }
  return quoted;
}

/** Readline closes the quote after an only word, unless it ends like one. */
function closedWord(quoted: string, quote: Quote): string {
  return quote !== undefined && quoted.endsWith(quote) ? quoted + quote : quoted;
}

function quotedWord(text: string, quote: Quote): string {
  return [...text].map((char) => formsOf(char, quote)[0]).join('');
}

/** Returns ways to write a character, the best first. */
function formsOf(char: string, quote: Quote): readonly string[] {
  switch (quote) {
    case "'":
      return char === "'" ? ["'\\''"] : [char];
    case '"':
      // It would be history, and a backslash before it would stay.
      if (char === '!') return ['"\\!"'];
      return '$`"\\'.includes(char) ? [`\\${char}`, `"\\${char}"`] : [char];
    default:
      if (PLAIN.test(char)) return [char];
      return char === "'" ? ["\\'"] : [`\\${char}`, `'${char}'`];
  }
}

function commonLength(words: readonly string[]): number {
  const [first = '', ...others] = words;
  let length = 0;
  while (length < first.length && others.every((other) => other[length] === first[length])) length++;
  return length;
}
