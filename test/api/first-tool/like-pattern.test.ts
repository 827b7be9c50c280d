import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { likeMatcher } from '#src/api/routes/first-tool/like-pattern.js';

/** The same as a regular expression. */
function oracle(q: string): RegExp {
  const escaped = q.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  return new RegExp(escaped.replaceAll('%', '.*').replaceAll('_', '.'), 'isu');
}

describe('a pattern of LIKE', () => {
  it.each([
    ['shadow', 'etc/shadow-', true],
    ['SHADOW', 'etc/shadow', true],
    ['etc%ow', 'etc/shadow', true],
    ['ow%etc', 'etc/shadow', false],
    ['s_ad', 'etc/shadow', true],
    ['_', '', false],
    ['%', '', true],
    ['', 'a', true],
    ['a%a', 'a', false],
  ])('%j in %j: %j', (q, name, isMatch) => expect(likeMatcher(q)(name)).toBe(isMatch));

  it('matches as a regular expression does', () => {
    const letters = (more: string[]) => fc.string({ unit: fc.constantFrom('a', 'B', '.', '/', ...more) });
    fc.assert(
      fc.property(letters(['%', '_']), letters(['b', 'é']), (q, name) => {
        expect(likeMatcher(q)(name)).toBe(oracle(q).test(name));
      }),
    );
  });

  it('takes no longer for patterns of many parts', () => {
    const started = performance.now();
    expect(likeMatcher('%a_'.repeat(80))('a'.repeat(4_000))).toBe(true);
    expect(likeMatcher(`${'%a_'.repeat(80)}b`)('a'.repeat(4_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
