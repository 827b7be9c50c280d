import { execFileSync } from 'node:child_process';
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
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveFile } from '#src/carve/copy/archive-file.js';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-archive-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const { signal } = new AbortController();
const open = (name: string) => ArchiveFile.open(join(scratch, name), name, signal);
const text = (name: string) => readFileSync(join(scratch, name), 'utf8');
const failure = (message: string) => expect.objectContaining({ code: 'IO_FAILED', message });

describe('an archive file', () => {
  it('replaces an older one when it is complete', async () => {
    writeFileSync(join(scratch, 'a.tar'), 'old');
    const archive = await open('a.tar');
    archive.write(Buffer.from('ne'));
    archive.write(Buffer.from('w'));
    expect(text('a.tar')).toBe('old');
    archive.commit();
    archive.discard();
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['new', ['a.tar']]);
  });

  it('leaves the older one when it is given up, and nothing else', async () => {
    writeFileSync(join(scratch, 'a.tar'), 'old');
    const archive = await open('a.tar');
    archive.write(Buffer.from('new'));
    archive.discard();
    archive.discard();
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['old', ['a.tar']]);
  });

  it('has the mode of a new file', async () => {
    (await open('a.tar')).commit();
    expect(statSync(join(scratch, 'a.tar')).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  it('makes the file that a symlink leads to', async () => {
    mkdirSync(join(scratch, 'real'));
    symlinkSync('real/new.tar', join(scratch, 'link'));
    const archive = await open('link');
    archive.write(Buffer.from('new'));
    archive.commit();
    expect([text('link'), text('real/new.tar'), readdirSync(join(scratch, 'real'))]).toEqual([
      'new',
      'new',
      ['new.tar'],
    ]);
  });

  it('replaces what a symlink leads to, not the symlink', async () => {
    mkdirSync(join(scratch, 'real'));
    writeFileSync(join(scratch, 'real', 'a.tar'), 'old');
    symlinkSync('real/a.tar', join(scratch, 'link'));
    const archive = await open('link');
    archive.write(Buffer.from('new'));
    archive.commit();
    expect([text('real/a.tar'), readdirSync(join(scratch, 'real'))]).toEqual(['new', ['a.tar']]);
  });

  it('writes to devices as they are', async () => {
    const archive = await ArchiveFile.open('/dev/null', '/dev/null', signal);
    archive.write(Buffer.alloc(100));
    archive.commit();
    archive.discard();
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('waits for the reader of a FIFO', async () => {
    const fifo = join(scratch, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const interruption = new AbortController();
    const early = ArchiveFile.open(fifo, 'fifo', interruption.signal);
    interruption.abort(new Error('interrupted'));
    await expect(early).rejects.toThrow('interrupted');
    const late = open('fifo');
    const read = readFile(fifo, 'utf8');
    const archive = await late;
    archive.write(Buffer.from('tar'));
    archive.commit();
    expect([await read, readdirSync(scratch)]).toEqual(['tar', ['fifo']]);
  });

  it('says once that a disk is full', async () => {
    const archive = await ArchiveFile.open('/dev/full', '/dev/full', signal);
    archive.write(Buffer.alloc(100));
    archive.write(Buffer.alloc(100));
    const full = failure('writing /dev/full: no space left on device');
    expect(archive.broken.reason).toEqual(full);
    expect(() => archive.commit()).toThrow(full);
    archive.discard();
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
  });

  it('says why it can not be made', async () => {
    mkdirSync(join(scratch, 'dir'));
    await expect(open('dir')).rejects.toEqual(failure('writing dir: is a directory'));
    await expect(open('none/a.tar')).rejects.toEqual(
      failure('writing none/a.tar: no such file or directory'),
    );
  });
});
