/**
 * Finds what a TypeScript file imports, without a compiler (TypeScript 7 has no JavaScript API): a tokenizer that
 * knows comments, strings, templates and regular expressions, so that an `import` inside one of them is not taken for
 * a real one.
 */

export interface ModuleImport {
  specifier: string;
  /** `load`: part of the module graph, types included; `url`: a file named by `new URL('…', import.meta.url)`, as workers are. */
  via: 'load' | 'url';
}

interface Token {
  kind: 'word' | 'text' | 'mark';
  value: string; // of a text: what stands between its quotes
}

/** After these words a slash opens a regular expression; after any other word it divides. */
const WORDS_BEFORE_EXPRESSION = new Set(
  'return typeof case in of do else void delete throw new await yield instanceof'.split(' '),
);

export function moduleImports(source: string): ModuleImport[] {
  const tokens = tokenize(source);
  const found: ModuleImport[] = [];
  const is = (at: number, value: string) => tokens[at]?.kind !== 'text' && tokens[at]?.value === value;
  const text = (at: number) => (tokens[at]?.kind === 'text' ? tokens[at].value : undefined);

  for (let at = 0; at < tokens.length; at++) {
    if (is(at - 1, '.')) continue; // a member called import or from
    if (is(at, 'import')) {
      // `import 'x'` or `import('x')`; `import … from 'x'` is found by its `from`
      const specifier = text(at + 1) ?? (is(at + 1, '(') ? text(at + 2) : undefined);
      if (specifier !== undefined) found.push({ specifier, via: 'load' });
    } else if (is(at, 'from') && (is(at - 1, '}') || is(at - 1, '*') || tokens[at - 1]?.kind === 'word')) {
      const specifier = text(at + 1);
      if (specifier !== undefined) found.push({ specifier, via: 'load' });
    } else if (is(at, 'URL') && is(at + 1, '(') && is(at + 3, ',') && is(at + 4, 'import')) {
      const specifier = text(at + 2);
      if (specifier !== undefined) found.push({ specifier, via: 'url' });
    }
  }
  return found;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  scanCode(source, 0, tokens, false);
  return tokens;
}

/** Reads code from `at` on; inside a template's `${…}` it stops behind the closing brace. Returns where it stopped. */
function scanCode(source: string, at: number, tokens: Token[], inTemplate: boolean): number {
  let depth = 0;
  while (at < source.length) {
    const char = source[at]!;
    if (/\s/.test(char)) {
      at++;
    } else if (source.startsWith('//', at)) {
      at = endOf(source, '\n', at);
    } else if (source.startsWith('/*', at)) {
      at = endOf(source, '*/', at + 2);
    } else if (char === "'" || char === '"') {
      const end = endOfQuoted(source, at);
      tokens.push({ kind: 'text', value: source.slice(at + 1, end - 1) });
      at = end;
    } else if (char === '`') {
      at = scanTemplate(source, at, tokens);
    } else if (char === '/' && opensExpression(tokens.at(-1))) {
      at = endOfRegExp(source, at);
      tokens.push({ kind: 'text', value: '' });
    } else if (/[\w$#]/.test(char)) {
      const word = /^[\w$#]+/.exec(source.slice(at, at + MAX_WORD_LENGTH))![0];
      tokens.push({ kind: 'word', value: word });
      at += word.length;
    } else {
      if (char === '{') depth++;
      if (char === '}' && depth-- === 0 && inTemplate) return at + 1;
      tokens.push({ kind: 'mark', value: char });
      at++;
    }
  }
  return at;
}

/** Longer identifiers than this are no one's; a bound keeps the slices short. */
const MAX_WORD_LENGTH = 256;

/** A template without holes is one text; with holes, its code is scanned and its text left out. */
function scanTemplate(source: string, start: number, tokens: Token[]): number {
  let at = start + 1;
  let holes = 0;
  while (at < source.length && source[at] !== '`') {
    if (source[at] === '\\') at += 2;
    else if (source.startsWith('${', at)) {
      holes++;
      at = scanCode(source, at + 2, tokens, true);
    } else at++;
  }
  tokens.push({ kind: 'text', value: holes === 0 ? source.slice(start + 1, at) : '' });
  return at + 1;
}

function opensExpression(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'text') return false;
  if (before.kind === 'word') return WORDS_BEFORE_EXPRESSION.has(before.value);
  return !')]}'.includes(before.value);
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found < 0 ? source.length : found + mark.length;
}

function endOfQuoted(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== source[start]) at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfRegExp(source: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
    if (source[at] === '[') inClass = true;
    if (source[at] === ']') inClass = false;
    at += source[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}
