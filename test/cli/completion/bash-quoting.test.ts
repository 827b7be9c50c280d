import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quotedApart } from '#src/cli/completion/bash-quoting.js';
import type { Quote } from '#src/cli/completion/shell-line.js';

const QUOTES: Quote[] = [undefined, '"', "'"];
const character = fc.constantFrom(...' !"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\u00e9');
const word = fc.string({ unit: character, minLength: 1, maxLength: 6 });

/** What bash makes of words, all in one command line. History is not expanded here. */
function readByBash(words: readonly string[]): string[] {
  const read = execFileSync('bash', ['-c', `printf '%s\\0' ${words.join(' ')}`], {
    encoding: 'utf8',
    cwd: '/',
  });
  return read.split('\0').slice(0, -1);
}

function commonStart(words: readonly string[]): string {
  let length = 0;
  const [first = ''] = words;
  while (length < first.length && words.every((one) => one[length] === first[length])) length++;
  return first.slice(0, length);
}

const closed = (text: string, quote: Quote) => (quote ?? '') + text + (quote ?? '');
/** Readline's way: it takes a quote at the end for a closing one. */
const closedByReadline = (text: string, quote: Quote) =>
  (quote ?? '') + text + (quote !== undefined && text.endsWith(quote) ? '' : (quote ?? ''));

describe('words quoted for bash', () => {
  it('are read as they were, whatever they hold', () => {
    for (const quote of QUOTES) {
      const words = fc.sample(word, 500);
      const quoted = words.map((one) => closedByReadline(quotedApart([one], quote)[0]!, quote));
      expect(readByBash(quoted)).toEqual(words);
    }
  });

  it('have a common start that is whole, and is that of the words', () => {
    const lists = fc.sample(fc.tuple(word, fc.uniqueArray(word, { minLength: 2, maxLength: 4 })), 300);
    for (const quote of QUOTES) {
      const wanted: string[] = [];
      const starts: string[] = [];
      const all: [string, string][] = [];
      for (const [start, ends] of lists) {
        const words = ends.map((end) => start + end);
        const quoted = quotedApart(words, quote);
        starts.push(closed(commonStart(quoted), quote));
        wanted.push(commonStart(words));
        for (const [i, one] of words.entries()) all.push([one, closed(quoted[i]!, quote)]);
      }
      expect(readByBash(starts)).toEqual(wanted);
      expect(readByBash(all.map(([, quoted]) => quoted))).toEqual(all.map(([one]) => one));
    }
  });

  it('hide `!` from history, also between double quotes', () => {
    expect(quotedApart(['a!b'], '"')).toEqual(['a"\\!"b']);
    expect(quotedApart(['a!b'], undefined)).toEqual(['a\\!b']);
    expect(quotedApart(['a!b'], "'")).toEqual(['a!b']);
  });
});
