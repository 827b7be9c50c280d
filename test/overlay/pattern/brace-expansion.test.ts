import { describe, expect, it } from 'vitest';
import { expandBraces } from '#src/overlay/pattern/brace-expansion.js';

describe('braces', () => {
  // As bash's `printf '%s\n' WORD`. A backslash stays, for the parser of the words.
  it.each([
    ['abc', ['abc']],
    ['{a,b}', ['a', 'b']],
    ['x{a,b}y{c,d}', ['xayc', 'xayd', 'xbyc', 'xbyd']],
    ['{a,b{c,d}e}', ['a', 'bce', 'bde']],
    ['{,a}x', ['x', 'ax']],
    ['{a,}', ['a', '']],
    ['{a}', ['{a}']],
    ['{}', ['{}']],
    ['{a,b', ['{a,b']],
    ['a,b}', ['a,b}']],
    ['{a,{b,c}', ['{a,b', '{a,c']],
    ['{a,b}}', ['a}', 'b}']],
    ['{{a,b},c}', ['a', 'b', 'c']],
    ['{{a},b}', ['{a}', 'b']],
    ['\\{a,b}', ['\\{a,b}']],
    ['{a\\,b,c}', ['a\\,b', 'c']],
    ['{a,b\\}}', ['a', 'b\\}']],
    ['{/usr/a,/b}/c', ['/usr/a/c', '/b/c']],
  ])('%s', (text, words) => {
    expect(expandBraces(Buffer.from(text)).map((word) => Buffer.from(word).toString())).toEqual(words);
  });

  it('preserve bytes that are not UTF-8', () => {
    const words = expandBraces(Buffer.from('{\xff,a}', 'latin1'));
    expect(words.map((word) => Buffer.from(word).toString('latin1'))).toEqual(['\xff', 'a']);
  });
});
