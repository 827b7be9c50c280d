import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeDirectories } from '#src/base/make-directories.js';
import { cleanUp, scratchDirectory } from '../cache/scratch.js';

afterEach(cleanUp);

const modeOf = (path: string) => statSync(path).mode & 0o777;

it('makes what is missing, for its owner only', () => {
  const root = scratchDirectory();
  makeDirectories(join(root, 'a/b/c'), 0o700);
  expect(['a', 'a/b', 'a/b/c'].map((path) => modeOf(join(root, path)))).toEqual([0o700, 0o700, 0o700]);
});

it('leaves what is there, also behind a symlink', () => {
  const root = scratchDirectory();
  mkdirSync(join(root, 'a'), { mode: 0o755 });
  symlinkSync('a', join(root, 'link'));
  makeDirectories(join(root, 'a'), 0o700);
  makeDirectories(join(root, 'link'), 0o700);
  makeDirectories(join(root, 'link/b'), 0o700);
  makeDirectories('/', 0o700);
  expect(modeOf(join(root, 'a'))).toBe(0o755);
  expect(modeOf(join(root, 'a/b'))).toBe(0o700);
});

it('says what stands in the way', () => {
  const root = scratchDirectory();
  writeFileSync(join(root, 'file'), '');
  symlinkSync('nowhere', join(root, 'dangling'));
  const code = (path: string) => {
    try {
      makeDirectories(path, 0o700);
      return 'made';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  expect(code(join(root, 'file'))).toBe('EEXIST');
  expect(code(join(root, 'file/a'))).toBe('ENOTDIR');
  expect(code(join(root, 'dangling'))).toBe('EEXIST');
  // Node's `recursive` never returns from this one.
  expect(code('/proc/nowhere/a')).toBe('ENOENT');
});
