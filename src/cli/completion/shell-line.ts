import type { TypedWords } from './cursor.js';

/** A quote that is open at the cursor. */
export type Quote = '"' | "'" | undefined;

/** A command line up to the cursor, and how the shell would replace its last word. */
export interface ShellLine extends TypedWords {
  /** Characters of `word` before the text that the shell replaces. */
  keptLength: number;
  quote: Quote;
  isFile: boolean; // the word is the file of a redirection
}

/** Quoting of a shell, as far as it splits words and unquotes them. Nothing is expanded. */
export interface Dialect {
  /** Characters that a backslash quotes between double quotes. */
  escapedInDouble: string;
  /** Characters that a backslash quotes between single quotes. */
  escapedInSingle: string;
  /** The text that the shell replaces begins after such a character: `:` and `=` of bash. */
  breaksAfter: string;
  /** The text that the shell replaces begins with such a character: `@` of bash. */
  breaksBefore: string;
}

const BLANKS = ' \t\n';
const OPERATORS = '<>|&;()';
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;

/**
 * Splits what was typed so far. Redirections are left out: their files are no words of the program.
 * @param line from the program's name, or assignments before it, to the cursor
 * @returns undefined if the cursor is in the program's name
 */
export function splitLine(line: string, dialect: Dialect): ShellLine | undefined {
  const splitter = new Splitter(dialect);
  for (let at = 0; at < line.length; at++) at += splitter.take(line[at]!, line[at + 1]);
  const { words, ...cursor } = splitter.end();
  while (words.length > 0 && ASSIGNMENT.test(words[0]!)) words.shift();
  if (words.length === 0) return undefined;
  return { before: words.slice(1), ...cursor };
}

/** Takes a line character by character. */
class Splitter {
  readonly #dialect: Dialect;
  readonly #words: string[] = [];
  #word: string | undefined; // undefined between words
  #quote: Quote;
  #keptLength = 0;
  #keptBefore = 0; // of the open quote
  #isRedirected = false; // the next word is the file of a redirection

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** @returns how many of the following characters it took too */
  take(char: string, next: string | undefined): number {
    if (this.#quote !== undefined) return this.#takeQuoted(char, next, this.#quote);
    if (char === '\\') {
      if (next !== '\n') this.#add(next ?? '');
      return 1;
    }
    if (char === '"' || char === "'") this.#open(char);
    else if (BLANKS.includes(char)) this.#endWord();
    else if (OPERATORS.includes(char)) this.#takeOperator(char);
    else {
      if (this.#dialect.breaksBefore.includes(char)) this.#keptLength = this.#word?.length ?? 0;
      this.#add(char);
      if (this.#dialect.breaksAfter.includes(char)) this.#keptLength = this.#word!.length;
    }
    return 0;
  }

  end() {
    const isOpen = this.#word !== undefined;
    return {
      words: this.#words,
      word: this.#word ?? '',
      keptLength: isOpen ? this.#keptLength : 0,
      quote: this.#quote,
      isFile: this.#isRedirected,
    };
  }

  #takeQuoted(char: string, next: string | undefined, quote: NonNullable<Quote>): number {
    const { escapedInDouble, escapedInSingle } = this.#dialect;
    const escaped = quote === '"' ? escapedInDouble : escapedInSingle;
    if (char === '\\' && next !== undefined && escaped.includes(next)) {
      this.#add(next);
      return 1;
    }
    if (char === quote) {
      this.#quote = undefined;
      this.#keptLength = this.#keptBefore;
    } else this.#add(char);
    return 0;
  }

  /** The text that a shell replaces begins after a quote that is still open. */
  #open(quote: NonNullable<Quote>): void {
    this.#add('');
    this.#quote = quote;
    this.#keptBefore = this.#keptLength;
    this.#keptLength = this.#word!.length;
  }

  #takeOperator(char: string): void {
    const isDescriptor = /^\d+$/.test(this.#word ?? ''); // `2>file`
    if (isDescriptor && (char === '<' || char === '>')) this.#word = undefined;
    this.#endWord();
    if (char === '<' || char === '>') this.#isRedirected = true; // and still is after `>&`
  }

  #add(text: string): void {
    this.#word = (this.#word ?? '') + text;
  }

  #endWord(): void {
    if (this.#word === undefined) return;
    if (!this.#isRedirected) this.#words.push(this.#word);
    this.#isRedirected = false;
    this.#word = undefined;
    this.#keptLength = 0;
  }
}
