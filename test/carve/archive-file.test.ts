import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveFile } from '#src/carve/copy/archive-file.js';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-archive-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const open = (name: string) => new ArchiveFile(join(scratch, name), name);
const text = (name: string) => readFileSync(join(scratch, name), 'utf8');
const failure = (message: string) => expect.objectContaining({ code: 'IO_FAILED', message });

describe('an archive file', () => {
  it('replaces an older one when it is complete', () => {
    writeFileSync(join(scratch, 'a.tar'), 'old');
    const archive = open('a.tar');
    archive.write(Buffer.from('ne'));
    archive.write(Buffer.from('w'));
    expect(text('a.tar')).toBe('old');
    archive.commit();
    archive.discard();
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['new', ['a.tar']]);
  });

  it('leaves the older one when it is given up, and nothing else', () => {
    writeFileSync(join(scratch, 'a.tar'), 'old');
    const archive = open('a.tar');
    archive.write(Buffer.from('new'));
    archive.discard();
    archive.discard();
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['old', ['a.tar']]);
  });

  it('has the mode of a new file', () => {
    open('a.tar').commit();
    expect(statSync(join(scratch, 'a.tar')).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  it('makes the file that a symlink leads to', () => {
    mkdirSync(join(scratch, 'real'));
    symlinkSync('real/new.tar', join(scratch, 'link'));
    const archive = open('link');
    archive.write(Buffer.from('new'));
    archive.commit();
    expect([text('link'), text('real/new.tar'), readdirSync(join(scratch, 'real'))]).toEqual([
      'new',
      'new',
      ['new.tar'],
    ]);
  });

  it('replaces what a symlink leads to, not the symlink', () => {
    mkdirSync(join(scratch, 'real'));
    writeFileSync(join(scratch, 'real', 'a.tar'), 'old');
    symlinkSync('real/a.tar', join(scratch, 'link'));
    const archive = open('link');
    archive.write(Buffer.from('new'));
    archive.commit();
    expect([text('real/a.tar'), readdirSync(join(scratch, 'real'))]).toEqual(['new', ['a.tar']]);
  });

  it('writes to devices as they are', () => {
    const archive = new ArchiveFile('/dev/null', '/dev/null');
    archive.write(Buffer.alloc(100));
    archive.commit();
    archive.discard();
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('says once that a disk is full', () => {
    const archive = new ArchiveFile('/dev/full', '/dev/full');
    archive.write(Buffer.alloc(100));
    archive.write(Buffer.alloc(100));
    const full = failure('writing /dev/full: no space left on device');
    expect(archive.broken.reason).toEqual(full);
    expect(() => archive.commit()).toThrow(full);
    archive.discard();
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
  });

  it('says why it can not be made', () => {
    mkdirSync(join(scratch, 'dir'));
    expect(() => open('dir')).toThrow(failure('writing dir: is a directory'));
    expect(() => open('none/a.tar')).toThrow(failure('writing none/a.tar: no such file or directory'));
  });
});
