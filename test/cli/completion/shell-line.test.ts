import { describe, expect, it } from 'vitest';
import { bashDialect } from '#src/cli/completion/bash.js';
import { FISH_DIALECT } from '#src/cli/completion/fish.js';
import { splitLine } from '#src/cli/completion/shell-line.js';

const BASH = bashDialect(' \t\n"\'@><=;|&(:');

describe('a line of bash', () => {
  it.each<[string, string[], string, number?, string?]>([
    ['p ', [], ''],
    ['p a', [], 'a'],
    ['p a  b ', ['a', 'b'], ''],
    ['A=1 B="x y" p a', [], 'a'],
    [String.raw`p a\ b\$c\\`, [], 'a b$c\\'],
    [String.raw`p a\ `, [], 'a '],
    ['p a\\\nb', [], 'ab'],
    ['p a\\', [], 'a'],
    [String.raw`p "a\b\"c\$d" 'e\f' x`, [String.raw`a\b"c$d`, String.raw`e\f`], 'x'],
    ['p "a b', [], 'a b', 0, '"'],
    ['p x"a:b', [], 'xa:b', 1, '"'],
    ["p 'a:b c", [], 'a:b c', 0, "'"],
    ["p 'a:b'c", [], 'a:bc', 0],
    ["p 'a'\\''b", [], "a'b", 2, "'"],
    ['p oci:/a', [], 'oci:/a', 4],
    ['p oci:', [], 'oci:', 4],
    [String.raw`p a\:b`, [], 'a:b', 0],
    ['p --x=y:z', [], '--x=y:z', 6],
    ['p n@sha256:ab', [], 'n@sha256:ab', 9],
    ['p n@sha', [], 'n@sha', 1],
    ['p x:y z', ['x:y'], 'z'],
    ['p >f x 2>g y <h', ['x', 'y'], 'h', 0],
    ['p 2>&1 x', [], 'x'],
    ['p $(rm x) `y`', ['$', 'rm', 'x'], '`y`'],
    ['p a\u00e9 \ud83d\ude00', ['a\u00e9'], '\ud83d\ude00'],
  ])('%j', (line, before, word, keptLength = 0, quote = undefined) => {
    expect(splitLine(line, BASH)).toMatchObject({ before, word, keptLength, quote });
  });

  it.each([
    ['p >f', true],
    ['p 2>>f', true],
    ['p >', true],
    ['p > f x', false],
  ])('%j has its cursor in the file of a redirection: %s', (line, isFile) => {
    expect(splitLine(line, BASH)?.isFile).toBe(isFile);
  });

  it.each(['', 'p', 'A=1 ', 'A=1 p'])('%j has its cursor in the name of the program', (line) => {
    expect(splitLine(line, BASH)).toBeUndefined();
  });

  it('is broken as COMP_WORDBREAKS says', () => {
    expect(splitLine('p oci:a=b', bashDialect(' \t\n'))).toMatchObject({ word: 'oci:a=b', keptLength: 0 });
  });
});

describe('a line of fish', () => {
  it.each<[string, string[], string]>([
    [String.raw`p 'a\'b\\c' "d\"e" f\ g`, ["a'b\\c", 'd"e'], 'f g'],
    ['p oci:a', [], 'oci:a'],
  ])('%j', (line, before, word) => {
    expect(splitLine(line, FISH_DIALECT)).toMatchObject({ before, word, keptLength: 0 });
  });
});
