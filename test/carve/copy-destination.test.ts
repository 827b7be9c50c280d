import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CopyDestination, type CopySource } from '#src/carve/copy/copy-destination.js';

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'layerslayer-copy-'));
  mkdirSync(join(cwd, 'dir'));
  writeFileSync(join(cwd, 'file'), '');
  symlinkSync('dir', join(cwd, 'to-dir'));
  symlinkSync('file', join(cwd, 'to-file'));
  symlinkSync('none', join(cwd, 'to-none'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const FILE: CopySource = { isDirectory: false, name: Buffer.from('src') };
const DIRECTORY: CopySource = { isDirectory: true, name: Buffer.from('src') };
const CONTENTS: CopySource = { isDirectory: true, name: undefined };

/** Returns the path of the copy below the working directory, or the fault. */
function placeOf(text: string, source: CopySource, force = false): string {
  try {
    const place = new CopyDestination(text, { cwd, force }).placeOf(source);
    const path = [place.directory, ...place.names.map((name) => Buffer.from(name).toString())].join('/');
    return path.replace(`${cwd}/`, '').replace(cwd, '.');
  } catch (error) {
    expect(error).toMatchObject({ code: 'IO_FAILED' });
    return (error as Error).message;
  }
}

describe('the destination of a copy', () => {
  // The table of cases of `docker cp`, and what it leaves open.
  it.each([
    ['new', 'new', 'new', 'new'],
    ['new/', 'no such directory: new/', 'new', 'new'],
    ['./new', './new', './new', './new'],
    ['dir', 'dir/src', 'dir/src', 'dir'],
    ['dir/', 'dir/src', 'dir/src', 'dir'],
    ['dir/new', 'dir/new', 'dir/new', 'dir/new'],
    ['to-dir', 'to-dir/src', 'to-dir/src', 'to-dir'],
    ['.', './src', './src', '.'],
    ['none/new', ...Array(3).fill('no such directory: none')],
    ['file', ...Array(3).fill('file is there already: --force replaces it')],
    ['to-file', ...Array(3).fill('to-file is there already: --force replaces it')],
    ['file/', ...Array(3).fill('writing to file/: not a directory')],
    ['file/new', ...Array(3).fill('writing to file/new: not a directory')],
  ])('%s', (text, file, directory, contents) => {
    const places = [FILE, DIRECTORY, CONTENTS].map((source) => placeOf(text, source));
    expect(places).toEqual([file, directory, contents]);
  });

  it('may be a file with --force', () => {
    expect(placeOf('file', FILE, true)).toBe('file');
    expect(placeOf('to-file', FILE, true)).toBe('file');
    expect(placeOf('to-file', { ...FILE, isLink: true }, true)).toBe('to-file');
  });

  it('may be a symlink to a name that is free, also in another directory', () => {
    symlinkSync('dir/new', join(cwd, 'to-new'));
    symlinkSync('../to-new', join(cwd, 'dir/to-to-new'));
    symlinkSync('loop', join(cwd, 'loop'));
    expect(placeOf('to-none', FILE)).toBe('none');
    expect(placeOf('to-new', FILE)).toBe('dir/new');
    expect(placeOf('dir/to-to-new', FILE)).toBe('dir/new');
    expect(placeOf('loop', FILE)).toBe('writing to loop: too many levels of symbolic links');
  });

  it('may be a device, which takes only the content of a file', () => {
    symlinkSync('/dev/null', join(cwd, 'to-null'));
    const destination = new CopyDestination('to-null', { cwd, force: false });
    expect(destination.stream).toBe(join(cwd, 'to-null'));
    expect(placeOf('/dev/null', DIRECTORY, true)).toMatch(/it takes only a file's content$/);
    expect(new CopyDestination('new', { cwd, force: false }).stream).toBeUndefined();
  });

  it('is not empty, as of a variable that is not set', () => {
    expect(() => new CopyDestination('', { cwd, force: true })).toThrow('DEST is empty');
  });

  it('may be absolute, and the root', () => {
    expect(placeOf(join(cwd, 'dir'), FILE)).toBe('dir/src');
    expect(new CopyDestination('/', { cwd, force: false }).placeOf(FILE)).toEqual({
      directory: '/',
      names: [Buffer.from('src')],
    });
    expect(new CopyDestination('/layerslayer-none', { cwd, force: false }).placeOf(FILE)).toEqual({
      directory: '/',
      names: [Buffer.from('layerslayer-none')],
    });
  });
});
