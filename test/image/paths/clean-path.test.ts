import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanPath } from '#src/image/paths/asked-path.js';

const cleaned = (path: string) => cleanPath(Buffer.from(path, 'latin1')).toString('latin1');

describe('a cleaned path', () => {
  it.each([
    ['etc/passwd', '/etc/passwd'],
    ['./etc/', '/etc'],
    ['/etc//x', '/etc/x'],
    ['', '/'],
    ['/', '/'],
    ['.', '/'],
    ['../../x', '/x'],
    ['a/..b/.c/...', '/a/..b/.c/...'],
    ['a/../..', '/'],
    ['\xff\xfe/x', '/\xff\xfe/x'],
  ])('of %j is %j', (path, wanted) => expect(cleaned(path)).toBe(wanted));

  it('is that of POSIX from the root', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/') }), (path) => {
        const wanted = posix.normalize(`/${path}`);
        expect(cleaned(path)).toBe(wanted === '/' ? '/' : wanted.replace(/\/$/, ''));
      }),
    );
  });
});
