import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactor } from '#src/base/text/redact.js';

const redact = redactor({ username: 'user', password: 'p@ss/word', token: 'token.abc' });

describe('redactor', () => {
  it.each([
    ['got p@ss/word back', 'got *** back'],
    ['got p%40ss%2Fword back', 'got *** back'],
    ['got token.abc back', 'got *** back'],
    [`got ${Buffer.from('user:p@ss/word').toString('base64')} back`, 'got *** back'],
    ['GET https://cdn.example/b?X-Amz-Signature=12&a=b failed', 'GET https://cdn.example/b?*** failed'],
    ['"https://a/b?c", https://d/e', '"https://a/b?***", https://d/e'],
    ['proxy http://me:secret@proxy:3128/', 'proxy http://***@proxy:3128/'],
    ['Authorization: Bearer abcdef', 'Authorization: Bearer ***'],
    ['{"authorization":"Basic dXNlcg=="}', '{"authorization":"Basic ***"}'],
    ['token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_ was refused', 'token *** was refused'],
    // What is no secret stays readable.
    [
      'reading layer sha256:ab12 at 4194304: got 403, want 206',
      'reading layer sha256:ab12 at 4194304: got 403, want 206',
    ],
    ['the registry wants Basic authentication', 'the registry wants Basic authentication'],
    ['user@example is not there?', 'user@example is not there?'],
  ])('%s', (text, wanted) => expect(redact(text)).toBe(wanted));

  it('hides a secret wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 4, maxLength: 40 }),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          // Our own mark and pieces of the surroundings can spell the secret anew; those say nothing.
          fc.pre(
            !'***'.includes(secret) && !`${before}***${after}`.includes(secret) && !secret.includes('*'),
          );
          expect(redactor({ password: secret })(`${before}${secret}${after}`)).not.toContain(secret);
        },
      ),
    );
  });

  it.each([
    ['https://a/https://me:secret@b/c?d', 'https://a/https://***@b/c?***'],
    ['(http://me:secret@h/) and <https://a/b?c>', '(http://***@h/) and <https://a/b?***>'],
    ['see a://b/c#d?e', 'see a://b/c#d?***'],
    ['x.eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0', 'x.***'],
    ['a-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s.', 'a-***.'],
    ['eyJhbGciOiJIUzI1NiJ9', 'eyJhbGciOiJIUzI1NiJ9'],
    ['://x?y', '://x?y'],
  ])('finds a secret in %s', (text, wanted) => expect(redact(text)).toBe(wanted));

  it('cuts a message at 2 KiB, and no secret in two', () => {
    for (const length of [2_030, 2_040, 2_047, 2_048, 2_060]) {
      const shown = redact(`${'x'.repeat(length)}p@ss/word and ${'y'.repeat(100_000)}`);
      expect(shown.length).toBe(2_048);
      expect(shown.endsWith('…')).toBe(true);
      expect(shown).not.toContain('p@');
    }
    const whole = 'x'.repeat(2_048);
    expect(redact(whole)).toBe(whole);
    expect(redact(redact(`${whole}x`))).toBe(redact(`${whole}x`));
  });

  it('takes linear time', () => {
    const LENGTH = 1_000_000;
    const parts = [
      'a.',
      'x://',
      'eyJ-',
      'eyJaaaaaaaa',
      'eyJaaaaaaaa.',
      'authorization: ',
      'u:p@',
      'a://b?',
      ' ',
      '.',
      '-',
    ];
    for (const part of parts) redact(part.repeat(LENGTH / part.length), LENGTH);
    redact(`authorization${' '.repeat(LENGTH)}`, LENGTH);
  }, 20_000);

  it('is harmless without secrets, and to short ones', () => {
    expect(redactor({})('a b c')).toBe('a b c');
    expect(redactor({ password: 'a' })('banana')).toBe('banana');
  });
});
