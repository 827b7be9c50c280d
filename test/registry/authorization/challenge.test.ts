import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from '#src/registry/authorization/challenge.js';

const parsed = (header: string) =>
  parseChallenges(header).map(({ scheme, token68, params }) => [
    scheme,
    token68 ?? Object.fromEntries(params),
  ]);

test.each<[string, unknown]>([
  ['', []],
  ['Basic', [['basic', {}]]],
  ['Basic realm="a"', [['basic', { realm: 'a' }]]],
  [
    'Bearer realm="https://x/t",service="s",scope="a:b:pull,push"',
    [['bearer', { realm: 'https://x/t', service: 's', scope: 'a:b:pull,push' }]],
  ],
  [
    'Basic realm="a, b", Bearer realm="c"',
    [
      ['basic', { realm: 'a, b' }],
      ['bearer', { realm: 'c' }],
    ],
  ],
  ['Bearer realm="a\\"b\\\\c"', [['bearer', { realm: 'a"b\\c' }]]],
  ['bearer REALM = "a" , Service=s', [['bearer', { realm: 'a', service: 's' }]]],
  ['Bearer realm=https://x/t,service=s', [['bearer', { realm: 'https://x/t', service: 's' }]]],
  [
    'Negotiate abc==, Basic',
    [
      ['negotiate', 'abc=='],
      ['basic', {}],
    ],
  ],
  [
    ',, Basic ,,Bearer realm="x"',
    [
      ['basic', {}],
      ['bearer', { realm: 'x' }],
    ],
  ],
  [
    'Basic Bearer realm="x"',
    [
      ['basic', {}],
      ['bearer', { realm: 'x' }],
    ],
  ],
  ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
  // Empty counts as absent.
  ['Bearer realm="r",service="",scope="",error=""', [['bearer', { realm: 'r' }]]],
  ['Bearer realm="r",scope=" ",service=s', [['bearer', { realm: 'r', service: 's' }]]],
  ['Bearer realm="r",scope=,service=s', [['bearer', { realm: 'r', service: 's' }]]],
  ['Bearer scope=, realm="r"', [['bearer', { realm: 'r' }]]],
  ['Bearer realm="r",scope=', [['bearer', { realm: 'r' }]]],
  ['Bearer scope="",scope="s",realm="r"', [['bearer', { scope: 's', realm: 'r' }]]],
  [
    'Bearer realm="", Basic realm=""',
    [
      ['bearer', {}],
      ['basic', {}],
    ],
  ],
  ['Bearer realm="never closed', [['bearer', {}]]],
  ['"quoted" first', []],
])('%s', (header, wanted) => {
  expect(parsed(header)).toEqual(wanted);
});

test('what the grammar can say comes back', () => {
  const token = fc.stringMatching(/^[a-z!#$%&'*+.^_`|~-][a-z0-9!#$%&'*+.^_`|~-]{0,8}$/);
  const value = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
  const challenge = fc.record({
    scheme: token,
    params: fc.uniqueArray(fc.tuple(token, value), {
      minLength: 1,
      maxLength: 3,
      selector: ([name]) => name,
    }),
  });
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
      const quoted = (text: string) => `"${text.replace(/(["\\])/g, '\\$1')}"`;
      const header = challenges
        .map(
          ({ scheme, params }) =>
            `${scheme} ${params.map(([name, text]) => `${name}=${quoted(text)}`).join(',')}`,
        )
        .join(', ');
      const found = parseChallenges(header);
      const wanted = challenges.map(({ scheme, params }) => ({
        scheme,
        params: params.filter(([, text]) => text.trim() !== ''),
      }));
      expect(found.map(({ scheme, params }) => ({ scheme, params: [...params] }))).toEqual(wanted);
    }),
  );
});

test('any header ends, in time that grows with its length', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary-ascii', maxLength: 200 }),
      (header) => void parseChallenges(header),
    ),
  );
  for (const hostile of [
    'a '.repeat(50_000),
    `a b="${'\\'.repeat(100_000)}`,
    'a b=,'.repeat(20_000),
    ','.repeat(100_000),
  ]) {
    const before = performance.now();
    parseChallenges(hostile);
    // A backtracking parser takes minutes.
    expect(performance.now() - before).toBeLessThan(5_000);
  }
});
