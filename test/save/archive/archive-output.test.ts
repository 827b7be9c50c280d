import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
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
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArchiveFile } from '#src/save/archive/archive-output.js';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-archive-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const { signal } = new AbortController();
const openAs = (path: string, shown: string, { force = true, until = signal } = {}) =>
  openArchiveFile(path, { shown, force, signal: until });
const open = (name: string, options?: { force?: boolean; until?: AbortSignal }) =>
  openAs(join(scratch, name), name, options);
const text = (name: string) => readFileSync(join(scratch, name), 'utf8');
const failure = (message: string) => expect.objectContaining({ code: 'IO_FAILED', message });

describe('an archive file', () => {
  it('replaces an older one when it is complete', async () => {
    writeFileSync(join(scratch, 'a.tar'), 'old');
    const archive = await open('a.tar');
    archive.write(Buffer.from('ne'));
    archive.write(Buffer.from('w'));
    expect(text('a.tar')).toBe('old');
    await archive.commit();
    await archive.close();
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['new', ['a.tar']]);
  });

  it('leaves the older one when it is given up, and nothing else', async () => {
    writeFileSync(join(scratch, 'a.tar'), 'old');
    const archive = await open('a.tar');
    archive.write(Buffer.from('new'));
    await archive.close();
    await archive.close();
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['old', ['a.tar']]);
  });

  it('has the mode of a new file', async () => {
    await (await open('a.tar')).commit();
    expect(statSync(join(scratch, 'a.tar')).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  it('makes the file that a symlink leads to', async () => {
    mkdirSync(join(scratch, 'real'));
    symlinkSync('real/new.tar', join(scratch, 'link'));
    const archive = await open('link');
    archive.write(Buffer.from('new'));
    await archive.commit();
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
    await archive.commit();
    expect([text('real/a.tar'), readdirSync(join(scratch, 'real'))]).toEqual(['new', ['a.tar']]);
  });

  it('writes to devices as they are', async () => {
    const archive = await openAs('/dev/null', '/dev/null');
    archive.write(Buffer.alloc(100));
    await archive.commit();
    await archive.close();
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('waits for the reader of a FIFO', async () => {
    const fifo = join(scratch, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const interruption = new AbortController();
    const early = open('fifo', { until: interruption.signal });
    interruption.abort(new Error('interrupted'));
    await expect(early).rejects.toThrow('interrupted');
    const late = open('fifo');
    const read = readFile(fifo, 'utf8');
    const archive = await late;
    archive.write(Buffer.from('tar'));
    await archive.commit();
    await archive.close();
    expect([await read, readdirSync(scratch)]).toEqual(['tar', ['fifo']]);
  });

  it('waits no longer for a reader that takes nothing when it is interrupted', async () => {
    const fifo = join(scratch, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const interruption = new AbortController();
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const archive = await open('fifo', { until: interruption.signal });
      archive.write(Buffer.alloc(1_000_000));
      const waiting = archive.flushed();
      expect(await Promise.race([waiting, sleep(50, 'stalled')])).toBe('stalled');
      const committed = archive.commit();
      interruption.abort(new Error('interrupted'));
      await waiting;
      await expect(committed).rejects.toThrow('interrupted');
      await archive.close();
    } finally {
      closeSync(reader);
    }
  });

  it('fails when the reader of a FIFO ends early', async () => {
    const fifo = join(scratch, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const archive = await open('fifo');
    archive.write(Buffer.alloc(1_000_000));
    closeSync(reader);
    await expect(archive.commit()).rejects.toEqual(failure('writing fifo: broken pipe'));
    await archive.close();
  });

  it('replaces nothing without force, also what came meanwhile', async () => {
    const archive = await open('a.tar', { force: false });
    archive.write(Buffer.from('new'));
    writeFileSync(join(scratch, 'a.tar'), 'mine');
    const taken = failure('a.tar is there already: --force replaces it');
    await expect(archive.commit()).rejects.toEqual(taken);
    await archive.close();
    await expect(open('a.tar', { force: false })).rejects.toEqual(taken);
    expect([text('a.tar'), readdirSync(scratch)]).toEqual(['mine', ['a.tar']]);
  });

  it('says once that a disk is full', async () => {
    const archive = await openAs('/dev/full', '/dev/full');
    archive.write(Buffer.alloc(100));
    archive.write(Buffer.alloc(100));
    const full = failure('writing /dev/full: no space left on device');
    expect(archive.broken.reason).toEqual(full);
    await expect(archive.commit()).rejects.toEqual(full);
    await archive.close();
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
