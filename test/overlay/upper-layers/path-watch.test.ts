import { describe, expect, it } from 'vitest';
import { PathWatch } from '#src/overlay/upper-layers/path-watch.js';
import { asTarEntry } from '../../carve/searched-stack.js';
import { file, symlink, type TestEntry } from '../../support/entries.js';

function watchOf(path: string): (entry: TestEntry) => string | undefined {
  const watch = new PathWatch();
  watch.aim([path.split('/').map((name) => Buffer.from(name))]);
  return (entry) => watch.concerns(asTarEntry(entry, 0));
}

describe('PathWatch', () => {
  it('takes entries below a symlink of the layer whose last name is wanted', () => {
    const concerns = watchOf('usr/lib/x');
    expect(concerns(file('lib/x'))).toBeUndefined();
    expect(concerns(symlink('lib', 'usr/lib'))).toBeUndefined();
    expect(concerns(file('lib/x'))).toBe('lib/x');
    expect(concerns(file('lib/deep/er/x'))).toBe('lib/deep/er/x');
    expect(concerns(file('lib2/x'))).toBeUndefined();
    expect(concerns(file('li/x'))).toBeUndefined();
    expect(concerns(file('lib/y'))).toBeUndefined();
  });

  it('is quick with deep paths behind a symlink', () => {
    const concerns = watchOf('etc/passwd');
    concerns(symlink('z', 'etc'));
    for (let i = 0; i < 300; i++) {
      expect(concerns(file(`${i}/${'deep/'.repeat(4000)}passwd`))).toBeUndefined();
    }
  });
});
