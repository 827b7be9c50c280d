import { execFileSync } from 'node:child_process';
import { closeSync, lstatSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadFileCalls } from '#src/base/system-calls/file-calls.js';

const calls = (await loadFileCalls())!;

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-calls-'));
  writeFileSync(join(scratch, 'file'), '');
  symlinkSync('file', join(scratch, 'link'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const path = (name: string) => Buffer.from(join(scratch, name));
const nanoseconds = (name: string) => lstatSync(path(name), { bigint: true }).mtimeNs;

describe('system calls on files', () => {
  it('set times to the nanosecond, also before 1970, and of a symlink its own', () => {
    const before = nanoseconds('file');
    calls.setTimes(path('link'), 1_700_000_000, 123_456_789);
    expect([nanoseconds('link'), nanoseconds('file')]).toEqual([1_700_000_000_123_456_789n, before]);
    calls.setTimes(path('file'), -2, 999_999_999);
    expect(nanoseconds('file')).toBe(-1_000_000_001n);
  });

  it('work on open files', () => {
    const fd = openSync(path('file'), 'r+');
    calls.setTimes(fd, 1_700_000_000, 1);
    calls.setExtendedAttribute(fd, Buffer.from('user.fd'), Buffer.from('x'));
    closeSync(fd);
    expect(nanoseconds('file')).toBe(1_700_000_000_000_000_001n);
    const shown = execFileSync('getfattr', [
      '--absolute-names',
      '--only-values',
      '-n',
      'user.fd',
      join(scratch, 'file'),
    ]);
    expect(shown.toString()).toBe('x');
    expect(() => calls.setTimes(fd, 0, 0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  it('set extended attributes of any bytes', () => {
    calls.setExtendedAttribute(path('file'), Buffer.from('user.a'), Buffer.from([0, 0xff]));
    calls.setExtendedAttribute(path('file'), Buffer.from('user.empty'), Buffer.alloc(0));
    const shown = execFileSync('getfattr', ['--absolute-names', '-d', '-e', 'hex', join(scratch, 'file')]);
    expect(shown.toString().split('\n').slice(1, 3)).toEqual(['user.a=0x00ff', 'user.empty=0x']);
  });

  it.each([
    ['a device', 0o20600, 0xabc, 0xfedcb],
    ['a device of the first numbers', 0o60644, 8, 1],
    ['a fifo', 0o10644, 0, 0],
  ])('make %s', (_, mode, major, minor) => {
    calls.makeNode(path('node'), mode, major, minor);
    const [type, device] = execFileSync('stat', ['-c', '%f %t:%T', join(scratch, 'node')])
      .toString()
      .trim()
      .split(' ');
    const umask = process.umask();
    expect([Number.parseInt(type!, 16), device]).toEqual([
      mode & ~umask,
      `${major.toString(16)}:${minor.toString(16)}`,
    ]);
  });

  it('fail with the code of the system', () => {
    const fault = (code: string) => expect.objectContaining({ code });
    expect(() => calls.setTimes(path('none'), 0, 0)).toThrow(fault('ENOENT'));
    expect(() => calls.makeNode(path('file'), 0o10600, 0, 0)).toThrow(fault('EEXIST'));
    const set = (name: string) =>
      calls.setExtendedAttribute(path('link'), Buffer.from(name), Buffer.from('x'));
    expect(() => set('user.a')).toThrow(fault('EPERM')); // symlinks have none
    expect(() => set('nonsense.a')).toThrow(fault('ENOTSUP'));
  });
});
