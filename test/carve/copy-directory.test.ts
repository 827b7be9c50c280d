import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileCalls, loadFileCalls } from '#src/base/system-calls/file-calls.js';
import { CopiedAttributes } from '#src/carve/copy/copied-attributes.js';
import { CopyDirectory } from '#src/carve/copy/copy-directory.js';

const calls = await loadFileCalls();

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-copies-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const names = (path: string) => path.split('/').map((name) => Buffer.from(name, 'latin1'));
const own = { uid: process.getuid!(), gid: process.getgid!() };
const attributes = { mode: 0o640, ...own, mtimeSeconds: 1_000_000_000, mtimeNanoseconds: 123_456_789 };
const FIFO = { kind: 'fifo', deviceMajor: 0, deviceMinor: 0 } as const;
const NULL = { kind: 'char', deviceMajor: 1, deviceMinor: 3 } as const;
const fault = (code: string, part: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(part) });

function copyTo(force = false, with_: FileCalls | undefined = calls) {
  const kept = new CopiedAttributes(with_, false);
  return { kept, out: new CopyDirectory(scratch, { force, attributes: kept, calls: with_ }) };
}

function write(out: CopyDirectory, path: string, content = 'x'): void {
  const file = out.begin(names(path), { ...attributes, size: content.length });
  file.write(Buffer.from(content), 0);
  file.commit();
}

const status = (path: string) => lstatSync(join(scratch, path), { bigint: true });

describe('a directory that is copied to', () => {
  it('has hard links, fifos and devices, and nothing half-made', () => {
    const { out } = copyTo();
    out.beginDirectory(names('d'));
    write(out, 'd/a');
    out.link(names('d/b'), names('d/a'));
    out.special(names('d/fifo'), FIFO, attributes);
    out.special(names('d/null'), NULL, attributes);
    out.endDirectory(names('d'), { ...attributes, mode: 0o750 });
    expect([status('d/a').ino, status('d/a').nlink]).toEqual([status('d/b').ino, 2n]);
    expect([status('d/fifo').isFIFO(), status('d/null').rdev]).toEqual([true, 0x103n]);
    expect(readdirSync(join(scratch, 'd')).sort()).toEqual(['a', 'b', 'fifo', 'null']);
    for (const path of ['d', 'd/a', 'd/fifo', 'd/null'])
      expect(status(path).mtimeNs).toBe(1_000_000_000_123_456_789n);
    expect([status('d').mode & 0o777n, status('d/null').mode & 0o777n]).toEqual([0o750n, 0o640n]);
  });

  it('is closed to others until it is complete', () => {
    const { out } = copyTo();
    out.beginDirectory(names('d'));
    expect(status('d').mode & 0o777n).toBe(0o700n);
  });

  it('replaces nothing, and leaves nothing beside what is there', () => {
    const { out } = copyTo();
    writeFileSync(join(scratch, 'mine'), 'mine');
    write(out, 'a');
    const there = fault('IO_FAILED', 'mine is there already: --force replaces it');
    expect(() => out.link(names('mine'), names('a'))).toThrow(there);
    expect(() => out.special(names('mine'), FIFO, attributes)).toThrow(there);
    expect([readdirSync(scratch).sort(), readFileSync(join(scratch, 'mine'), 'utf8')]).toEqual([
      ['a', 'mine'],
      'mine',
    ]);
  });

  it('replaces files when forced', () => {
    const { out } = copyTo(true);
    for (const name of ['one', 'two']) writeFileSync(join(scratch, name), 'mine');
    write(out, 'a');
    out.link(names('one'), names('a'));
    out.special(names('two'), FIFO, attributes);
    expect([status('one').ino, status('two').isFIFO()]).toEqual([status('a').ino, true]);
    expect(readdirSync(scratch).sort()).toEqual(['a', 'one', 'two']);
  });

  it('replaces a device or a fifo only by the same, when forced', () => {
    copyTo().out.special(names('fifo'), FIFO, attributes);
    copyTo().out.special(names('null'), NULL, attributes);
    const { out } = copyTo(true);
    out.special(names('fifo'), FIFO, { ...attributes, mode: 0o600 });
    out.special(names('null'), NULL, { ...attributes, mode: 0o600 });
    expect([status('fifo').mode & 0o777n, status('null').mode & 0o777n]).toEqual([0o600n, 0o600n]);
    const refused = fault('IO_FAILED', 'which is not replaced');
    expect(() => out.special(names('null'), { ...NULL, deviceMinor: 5 }, attributes)).toThrow(refused);
    expect(() => out.special(names('fifo'), NULL, attributes)).toThrow(refused);
    expect(() => write(out, 'null')).toThrow(refused);
    expect(status('null').rdev).toBe(0x103n);
    expect(() => copyTo().out.special(names('fifo'), FIFO, attributes)).toThrow(
      fault('IO_FAILED', 'already'),
    );
  });

  it('keeps the attributes of directories that were there, unless forced', () => {
    mkdirSync(join(scratch, 'd'), 0o711);
    chmodSync(join(scratch, 'd'), 0o711);
    for (const [force, mode] of [
      [false, 0o711n],
      [true, 0o640n],
    ] as const) {
      const { out } = copyTo(force);
      out.beginDirectory(names('d'));
      out.beginDirectory(names(`d/new-${force}`));
      out.endDirectory(names(`d/new-${force}`), attributes);
      out.endDirectory(names('d'), attributes);
      expect([status('d').mode & 0o777n, status(`d/new-${force}`).mode & 0o777n]).toEqual([mode, 0o640n]);
    }
  });

  it('follows no symlink below it', () => {
    const { out } = copyTo(true);
    const outside = mkdtempSync(join(tmpdir(), 'layerslayer-outside-'));
    try {
      symlinkSync(outside, join(scratch, 'link'));
      write(out, 'a');
      const refused = fault('IO_FAILED', 'link is a symlink, which is not followed');
      expect(() => out.beginDirectory(names('link'))).toThrow(refused);
      expect(() => out.beginDirectory(names('link/d'))).toThrow(refused);
      expect(() => out.link(names('link/b'), names('a'))).toThrow(refused);
      expect(() => out.special(names('link/b'), FIFO, attributes)).toThrow(refused);
      for (const path of ['../x', 'd/../../x'])
        expect(() => out.link(names(path), names('a'))).toThrow(
          expect.objectContaining({ code: 'INTERNAL' }),
        );
      expect(readdirSync(outside)).toEqual([]);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it('refuses devices as `carve` does where they are not possible', () => {
    const refuse = (code: string): FileCalls => ({
      ...calls!,
      makeNode: () => {
        throw Object.assign(new Error(code), { code });
      },
    });
    const cases: [FileCalls | undefined, string, string][] = [
      [undefined, 'UNSUPPORTED', 'null" is a character device: not extracted'],
      [refuse('EPERM'), 'UNSUPPORTED', 'null" is a character device: not extracted'],
      [refuse('ENOSPC'), 'IO_FAILED', 'null: no space left on device'],
    ];
    for (const [with_, code, part] of cases) {
      const kept = new CopiedAttributes(with_, false);
      const out = new CopyDirectory(scratch, { force: false, attributes: kept, calls: with_ });
      expect(() => out.special(names('null'), NULL, attributes)).toThrow(fault(code, part));
    }
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('counts extended attributes that are not kept, and keeps the others', () => {
    const xattrs = ['user.a', 'nonsense.a', 'nonsense.b'].map((name) => ({
      name: Buffer.from(name),
      value: Buffer.from('x'),
    }));
    const { kept, out } = copyTo();
    out.begin(names('a'), { ...attributes, xattrs, size: 0 }).commit();
    expect([kept.lost, kept.lossReason]).toEqual([2, 'nonsense.a: operation not supported']);
    const kept2 = new CopiedAttributes(undefined, false);
    const without = new CopyDirectory(scratch, { force: true, attributes: kept2, calls: undefined });
    without.begin(names('a'), { ...attributes, xattrs, size: 0 }).commit();
    expect([kept2.lost, kept2.lossReason]).toEqual([3, 'the npm package koffi is not installed']);
    expect(existsSync(join(scratch, 'a'))).toBe(true);
  });
});
