import { isAscii } from 'node:buffer';
import { RE2JS } from 're2js';
import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText, textOfBytes } from '../../base/text/raw-text.js';
import type { PathMatcher } from './entry-query.js';
import { requiredLiteral } from './required-literal.js';

/** Longest expression. RE2 compiles a repetition of a repetition to a program of any size. */
const LENGTH_MAX = 1000;

/**
 * Returns a matcher for a regular expression of RE2, anywhere in the absolute path. Each byte that
 * is not UTF-8 is one character. RE2 takes linear time for any expression.
 * @throws LayerslayerError INVALID_ARGUMENT for what RE2 does not accept
 */
export function regexMatcher(text: string, { ignoresCase }: { ignoresCase: boolean }): PathMatcher {
  const expression = compiled(text, ignoresCase);
  const literal = requiredLiteral(text, ignoresCase);
  const within = (heap: Uint8Array) => {
    const bytes = Buffer.from(heap.buffer, heap.byteOffset, heap.length);
    const hasOnlyAscii = isAscii(bytes);
    return (start: number, end: number) => {
      if (start === end) return false;
      const path = hasOnlyAscii ? bytes.toString('latin1', start, end) : textOf(bytes.subarray(start, end));
      return expression.test(`/${path}`);
    };
  };
  return {
    literals: literal === '' ? undefined : [bytesOfText(literal)],
    ignoresCase,
    within,
    matches: (path) => within(path)(0, path.length),
  };
}

function compiled(text: string, ignoresCase: boolean): RE2JS {
  if (text.length > LENGTH_MAX) throw refused(`it is longer than ${LENGTH_MAX} characters`);
  try {
    // A name may have newlines: they are characters as others.
    return RE2JS.compile(text, RE2JS.DOTALL | (ignoresCase ? RE2JS.CASE_INSENSITIVE : 0));
  } catch (error) {
    throw refused((error as Error).message);
  }
}

function textOf(path: Buffer): string {
  return isAscii(path) ? path.toString('latin1') : textOfBytes(path);
}

function refused(why: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', `not a regular expression of RE2: ${why}`);
}
