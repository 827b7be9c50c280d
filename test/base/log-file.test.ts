import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatLogLine, LogFile } from '#src/base/log-file.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'layerslayer-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('LogFile', () => {
  it('keeps two files, neither above the cap, and loses nothing recent', () => {
    const path = join(directory, 'deep/er/log');
    const log = new LogFile(path, { capBytes: 100, ours: true });
    const lines = Array.from({ length: 57 }, (_, i) => `line number ${String(i).padStart(3, '0')}`);
    for (const line of lines) {
      log.write(line);
      expect(statSync(path).size).toBeLessThanOrEqual(100);
    }
    log.close();
    const kept = readFileSync(`${path}.old`, 'utf8') + readFileSync(path, 'utf8');
    // 16 bytes a line: six fit a file; 57 lines leave the old file full and three in the new one.
    expect(kept).toBe(lines.slice(-9).join('\n').concat('\n'));
    expect(existsSync(`${path}.old.old`)).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'deep')).mode & 0o777).toBe(0o700);
  });

  it('where the user chose the place makes no directory', () => {
    const path = join(directory, 'missing/log');
    expect(() => new LogFile(path)).toThrow(
      expect.objectContaining({
        code: 'IO_FAILED',
        message: `opening log file ${path}: no such file or directory`,
      }),
    );
    expect(existsSync(join(directory, 'missing'))).toBe(false);
  });

  it('where we chose the place follows no symlink and enters nobody else’s directory', () => {
    const target = join(directory, 'target');
    const path = join(directory, 'log');
    symlinkSync(target, path);
    const refusal = (path: string) => {
      try {
        new LogFile(path, { ours: true }).close();
        return 'opened';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal(path)).toBe(`opening log file ${path}: too many levels of symbolic links`);
    expect(existsSync(target)).toBe(false);
    const foreign = join(directory, 'foreign');
    mkdirSync(foreign);
    chownSync(foreign, 65534, 65534);
    expect(refusal(join(foreign, 'log'))).toMatch(/: its directory belongs to user 65534$/);
    expect(refusal(join(directory, 'own/log'))).toBe('opened');
    // Without a reader, opening it would block.
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(refusal(fifo)).toBe(`opening log file ${fifo}: no such device or address`);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    expect(refusal(fifo)).toBe(`opening log file ${fifo}: not a regular file`);
    closeSync(reader);
    // What the user names is his own business.
    new LogFile(path).close();
    expect(existsSync(target)).toBe(true);
  });

  it('goes on in a file that is there, and counts what it holds', () => {
    const path = join(directory, 'log');
    for (const text of ['a'.repeat(60), 'b'.repeat(60)]) {
      const log = new LogFile(path, { capBytes: 100 });
      log.write(text);
      log.close();
    }
    expect(readFileSync(`${path}.old`, 'utf8')).toBe(`${'a'.repeat(60)}\n`);
    expect(readFileSync(path, 'utf8')).toBe(`${'b'.repeat(60)}\n`);
  });

  it('writes a line longer than the cap whole', () => {
    const path = join(directory, 'log');
    const log = new LogFile(path, { capBytes: 10 });
    log.write('x'.repeat(50));
    log.close();
    expect(readFileSync(path, 'utf8')).toBe(`${'x'.repeat(50)}\n`);
    expect(existsSync(`${path}.old`)).toBe(false);
  });

  it('never sets a device aside', () => {
    const log = new LogFile('/dev/null', { capBytes: 1 });
    log.write('one');
    log.write('two');
    log.close();
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(existsSync('/dev/null.old')).toBe(false);
  });

  it('survives a full disk', () => {
    const log = new LogFile('/dev/full');
    expect(() => log.write('lost')).not.toThrow();
    log.close();
  });

  it('says which file can not be opened', () => {
    chmodSync(directory, 0o700);
    expect(() => new LogFile(directory)).toThrow(
      expect.objectContaining({
        code: 'IO_FAILED',
        message: `opening log file ${directory}: is a directory`,
      }),
    );
  });
});

describe('formatLogLine', () => {
  it('keeps text from outside within its line', () => {
    const line = formatLogLine('warn', 'a\nb\r\nc\x1b[31m\rd', new Date(0));
    expect(line).toBe('1970-01-01T00:00:00.000Z warn a\n    b\n    c\\x1b[31m\\x0dd');
  });
});
