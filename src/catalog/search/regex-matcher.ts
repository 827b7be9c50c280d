import { RE2JS } from 're2js';
import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText, textOfBytes } from '../../base/text/raw-text.js';
import type { PathMatcher } from './entry-query.js';
import { requiredLiteral } from './required-literal.js';

const ABOVE_ASCII = 0x80;

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
  return {
    literals: literal === '' ? undefined : [bytesOfText(literal)],
    ignoresCase,
    matches: (path) => path.length > 0 && expression.test(`/${textOf(path)}`),
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

function textOf(path: Uint8Array): string {
  for (let at = 0; at < path.length; at++) if (path[at]! >= ABOVE_ASCII) return textOfBytes(path);
  return Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
}

function refused(why: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', `not a regular expression of RE2: ${why}`);
}
