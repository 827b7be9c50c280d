import { describe, expect, it } from 'vitest';
import { isPattern, matchPattern, unescapedPath } from '#dist/carve/path-pattern.js';
import { merge } from '../overlay/trees.js';
import { dir, file, symlink } from '../support/entries.js';

const { tree } = merge([
  [
    dir('etc/'),
    ...['a.conf', 'b.conf', 'ab.conf', '.hidden.conf', 'a*b', 'a]b', 'a-b', 'é', '[x]', 'a\\b'].map((name) =>
      file(`etc/${name}`),
    ),
    file(Buffer.from('etc/\xff\xfe', 'latin1')),
    dir('usr/'),
    dir('usr/lib/'),
    file('usr/lib/x.so'),
    dir('usr/share/'),
    file('usr/share/x.so'),
    symlink('lib', 'usr/lib'),
    symlink('etc/gone.conf', 'none'),
    file(`many/${'a'.repeat(200)}`),
  ],
]);
const matched = (pattern: string) =>
  matchPattern(tree, pattern).map(
    (path) => `/${path.map((name) => Buffer.from(name).toString('latin1')).join('/')}`,
  );

describe('a path with wildcards', () => {
  it.each([
    ['/etc/*.conf', ['/etc/a.conf', '/etc/ab.conf', '/etc/b.conf', '/etc/gone.conf']],
    ['etc/?.conf', ['/etc/a.conf', '/etc/b.conf']],
    ['/etc/[ab].conf', ['/etc/a.conf', '/etc/b.conf']],
    ['/etc/[!a].conf', ['/etc/b.conf']],
    ['/etc/[^a].conf', ['/etc/b.conf']],
    ['/etc/[a-c]b.conf', ['/etc/ab.conf']],
    ['/etc/a[]]b', ['/etc/a]b']],
    ['/etc/a[-]b', ['/etc/a-b']],
    ['/etc/a\\*b*', ['/etc/a*b']],
    ['/etc/.*', ['/etc/.hidden.conf']],
    ['/etc/\\.hid*', ['/etc/.hidden.conf']],
    ['/etc/[x*', ['/etc/[x]']],
    ['/etc/[[]*', ['/etc/[x]']],
    ['/l*/x.so', ['/lib/x.so']],
    ['/usr/*/*.so', ['/usr/lib/x.so', '/usr/share/x.so']],
    ['/lib/*.so', ['/lib/x.so']],
    ['/etc/a.conf/*', []],
    ['/none/*', []],
    ['/u*/../etc/a.conf', ['/usr/../etc/a.conf']],
    ['/l*/../share/x.so', ['/lib/../share/x.so']],
    ['/us[r]/..', ['/usr/..']],
  ])('%s', (pattern, paths) => {
    expect(matched(pattern)).toEqual(paths);
  });

  it('matches characters, of a name that is not UTF-8 bytes', () => {
    expect(matched('/etc/?').length).toBe(1); // é
    expect(matched('/etc/??')).toEqual(['/etc/\xff\xfe']);
  });

  it('is quick whatever it is', () => {
    expect(matched(`/many/${'*a'.repeat(60)}b`)).toEqual([]);
  });

  it('is told from one without', () => {
    for (const text of ['*', 'a?', '[', '\\\\*']) expect(isPattern(text)).toBe(true);
    for (const text of ['a', '\\*', 'a\\?b', ']', '']) expect(isPattern(text)).toBe(false);
    expect(unescapedPath('\\*\\[a\\]\\\\b\\c')).toBe('*[a]\\b\\c');
  });
});
