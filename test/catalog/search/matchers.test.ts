import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathMatcher } from '#src/catalog/search/path-matcher.js';
import { requiredLiteral } from '#src/catalog/search/required-literal.js';
import { SearchTable } from '#src/catalog/search/search-table.js';
import { PathPattern } from '#src/overlay/pattern/path-pattern.js';
import { splitPath } from '#src/overlay/resolve-path.js';
import { entriesOf, file } from '../../support/entries.js';

const anyByte = fc.constantFrom(...Buffer.from('aAbBkK.-é\u212a'), 0xff);
const name = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .chain(() => fc.array(anyByte, { minLength: 1, maxLength: 6 }))
  .map((bytes) => Buffer.from(bytes))
  .filter((bytes) => !['.', '..'].includes(bytes.toString('latin1')));
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => {
  return Buffer.concat(names.flatMap((one, i) => (i === 0 ? [one] : [Buffer.from('/'), one])));
});
const component = fc
  .array(fc.constantFrom('a', 'B', 'k', '.', 'é', '*', '?', '[a-b]', '[!k]', '{a,b.}', '\\*'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((pieces) => pieces.join(''))
  .filter((text) => !/^\.\.?$/.test(text));
const pattern = fc
  .tuple(fc.boolean(), fc.array(fc.oneof(component, fc.constant('**')), { minLength: 1, maxLength: 3 }))
  .map(([isAbsolute, names]) => (isAbsolute ? '/' : '') + names.join('/'))
  .filter((text) => !PathPattern.compile(Buffer.from(text), {}).hasParent);

/** Whether a path matches, component by component. */
function matchesSlowly(text: string, bytes: Uint8Array, ignoresCase: boolean): boolean {
  const whole = text.includes('/') ? text : `**/${text}`;
  const parsed = PathPattern.compile(Buffer.from(whole), { matchesDots: true, ignoresCase });
  let position = parsed.start;
  for (const one of splitPath(bytes)) position = parsed.after(position, one);
  return parsed.isMatch(position, false);
}

const rowsOf = async (paths: Uint8Array[], text: string, ignoresCase: boolean, isRegex = false) => {
  const table = entriesOf(...paths.map((one) => file(one)));
  const matcher = await pathMatcher(text, { isRegex, ignoresCase });
  const query = { matcher, filter: {}, hiddenOnly: false };
  return (await new SearchTable(table, 0, () => table).candidates(query)).rows;
};

describe('a pattern', () => {
  it('matches the paths that it matches component by component, whatever bytes they have', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(path, { maxLength: 12 }),
        pattern,
        fc.boolean(),
        async (paths, text, anyCase) => {
          const wanted = paths.flatMap((one, row) => (matchesSlowly(text, one, anyCase) ? [row] : []));
          expect(await rowsOf(paths, text, anyCase)).toEqual(wanted);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a regular expression', () => {
  const piece = fc.constantFrom(
    'a',
    'B',
    'k',
    's',
    '\\.',
    '.',
    '[ab]',
    '(ab)?',
    'a*',
    'b+',
    'x{0,2}',
    '^',
    '$',
    '/',
    '(a|b)',
  );
  const expression = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
  const plainPath = fc
    .array(fc.constantFrom('a', 'A', 'b', 'B', 'k', 'K', 's', '.', '/x', 'x'), { minLength: 1, maxLength: 8 })
    .map((pieces) => pieces.join('').replace(/^\//, ''))
    .filter((text) => !/(^|\/)\.{1,2}(\/|$)/.test(text));

  it('finds what the engine of this process finds, with and without its literal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(plainPath, { maxLength: 12 }),
        expression,
        fc.boolean(),
        async (paths, text, anyCase) => {
          const engine = new RegExp(text, anyCase ? 'is' : 's');
          const wanted = paths.flatMap((one, row) => (engine.test(`/${one}`) ? [row] : []));
          expect(
            await rowsOf(
              paths.map((one) => Buffer.from(one)),
              text,
              anyCase,
              true,
            ),
          ).toEqual(wanted);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['\\.pem$', '.pem'],
    ['id_(rsa|dsa)', ''],
    ['lib.*\\.so(\\.[0-9]+)*$', 'lib'],
    ['^/usr/share/', 'share'],
    ['ab*c', 'a'],
    ['ab{2}cd', 'cd'],
    ['a[^]bc]def', 'def'],
    ['[[:alpha:]]xyz', 'xyz'],
    ['(?i)pem', ''],
    ['\\Qa.b\\E', ''],
    ['\\x41bc', ''],
    ['a\\\\\\.b', 'a\\.b'],
  ])('%s has the literal %s', (text, literal) => {
    expect(requiredLiteral(text, false)).toBe(literal);
  });

  it('takes linear time where other engines take forever', async () => {
    const long = Buffer.from(`${'a'.repeat(200)}!`);
    for (const hostile of ['(a+)+$', '(a|a)*b', '(a|aa)+$', '([a-zA-Z]+)*$', '(.*a){20}b', '(.*)*(.*)*x$']) {
      const began = performance.now();
      await rowsOf(
        Array.from({ length: 200 }, () => long),
        hostile,
        false,
        true,
      );
      expect(performance.now() - began, hostile).toBeLessThan(3000);
    }
  });
});
