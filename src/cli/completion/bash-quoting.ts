import type { Quote } from './shell-line.js';

/** Characters of ASCII that mean nothing to bash inside a word. */
const PLAIN = /[\w./:@%+,=-]|[^\0-\x7f]/;

/**
 * Quotes words as the open quote demands, so that their common start is whole: readline inserts it,
 * and `a\ b` and `a\$b` would leave the backslash of `a\`.
 */
export function quotedApart(words: readonly string[], quote: Quote): string[] {
  const quoted = words.map((word) => quotedWord(word, quote));
  const [first = '', ...others] = words;
  const common = commonLength(first, others);
  const start = quotedWord(first.slice(0, common), quote);
  const [quotedFirst = '', ...quotedOthers] = quoted;
  if (words.length < 2 || commonLength(quotedFirst, quotedOthers) === start.length) return quoted;
  // All words continue with a quoted character: one of them gets other quotes.
  const odd = words.findIndex((word) => word.length > common && word[common] !== "'");
  const word = words[odd]!;
  const other = quote === undefined ? `'${word[common]}'` : `${quote}\\${word[common]}${quote}`;
  quoted[odd] = start + other + quotedWord(word.slice(common + 1), quote);
  return quoted;
}

function quotedWord(text: string, quote: Quote): string {
  return [...text].map((char) => quotedCharacter(char, quote)).join('');
}

function quotedCharacter(char: string, quote: Quote): string {
  if (quote === "'") return char === "'" ? "'\\''" : char;
  if (quote === undefined) return PLAIN.test(char) ? char : `\\${char}`;
  // Between double quotes, `!` would be history, and a backslash before it would stay.
  if (char === '!') return '"\\!"';
  return '$`"\\'.includes(char) ? `\\${char}` : char;
}

function commonLength(first: string, others: readonly string[]): number {
  let length = 0;
  while (length < first.length && others.every((other) => other[length] === first[length])) length++;
  return length;
}
