import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactor } from '#dist/daemon/redact.js';

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

  it('is harmless without secrets, and to short ones', () => {
    expect(redactor({})('a b c')).toBe('a b c');
    expect(redactor({ password: 'a' })('banana')).toBe('banana');
  });
});
