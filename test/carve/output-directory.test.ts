import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputDirectory } from '#src/carve/output/output-directory.js';

let scratch = '';
let root = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-output-'));
  root = join(scratch, 'deep', 'out');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const names = (path: string) => path.split('/').map((name) => Buffer.from(name, 'latin1'));
const own = { uid: process.getuid!(), gid: process.getgid!() };
const attributes = {
  mode: 0o640,
  ...own,
  mtimeSeconds: 1_000_000_000,
  mtimeNanoseconds: 500_000_000,
  size: 5,
};
const failure = (path: string) =>
  expect.objectContaining({ code: 'IO_FAILED', message: expect.stringContaining(path) });

describe('an output directory', () => {
  it('is made, and gives a file its name when it is whole', () => {
    const out = new OutputDirectory(root, { force: false });
    const file = out.begin(names('etc/passwd'), attributes);
    file.write(Buffer.from('he'), 0);
    file.write(Buffer.from('o'), 4);
    expect(existsSync(join(root, 'etc/passwd'))).toBe(false);
    file.commit();
    file.discard();
    expect(readFileSync(join(root, 'etc/passwd'))).toEqual(Buffer.from('he\0\0o'));
    const { mode, mtimeMs } = lstatSync(join(root, 'etc/passwd'));
    expect([mode & 0o7777, mtimeMs]).toEqual([0o640, 1_000_000_000_500]);
    expect(readdirSync(join(root, 'etc'))).toEqual(['passwd']);
  });

  it('fills a hole at the end', () => {
    const out = new OutputDirectory(root, { force: false });
    out.begin(names('hole'), attributes).commit();
    expect(readFileSync(join(root, 'hole'))).toEqual(Buffer.alloc(5));
  });

  it('keeps setuid and setgid only for the same owner', () => {
    const out = new OutputDirectory(root, { force: false });
    out.begin(names('same'), { ...attributes, mode: 0o6755 }).commit();
    out.begin(names('other'), { ...attributes, mode: 0o7755, uid: own.uid + 1 }).commit();
    const mode = (name: string) => lstatSync(join(root, name)).mode & 0o7777;
    expect([mode('same'), mode('other')]).toEqual([0o6755, 0o1755]);
  });

  it('leaves nothing of a file that is given up', () => {
    const out = new OutputDirectory(root, { force: false });
    const file = out.begin(names('a'), attributes);
    file.write(Buffer.from('hello'), 0);
    file.discard();
    file.discard();
    expect(readdirSync(root)).toEqual([]);
  });

  it('takes names of any bytes', () => {
    const out = new OutputDirectory(root, { force: false });
    out.begin(names('\xff\n/\x01'), attributes).commit();
    expect(readdirSync(root, { encoding: 'buffer' })).toEqual([Buffer.from([0xff, 0x0a])]);
  });

  it('replaces nothing, also what comes meanwhile', () => {
    const out = new OutputDirectory(root, { force: false });
    const file = out.begin(names('a'), attributes);
    writeFileSync(join(root, 'a'), 'mine');
    expect(() => file.commit()).toThrow(failure('a is there already'));
    expect(() => out.check(names('a'))).toThrow(failure('a is there already'));
    expect(() => out.begin(names('a'), attributes)).toThrow(failure('a is there already'));
    expect(() => out.symlink(names('a'), Buffer.from('b'), attributes)).toThrow(
      failure('a is there already'),
    );
    expect([readdirSync(root), readFileSync(join(root, 'a'), 'utf8')]).toEqual([['a'], 'mine']);
  });

  it('replaces files when forced, but no directory', () => {
    const out = new OutputDirectory(root, { force: true });
    writeFileSync(join(root, 'a'), 'mine');
    symlinkSync('/etc/passwd', join(root, 'link'));
    mkdirSync(join(root, 'dir'));
    for (const name of ['a', 'link']) {
      const file = out.begin(names(name), attributes);
      file.write(Buffer.from('hello'), 0);
      file.commit();
      expect(lstatSync(join(root, name)).isFile()).toBe(true);
    }
    expect(() => out.begin(names('dir'), attributes)).toThrow(failure('dir is a directory already'));
  });

  it('is no device', () => {
    expect(() => new OutputDirectory('/dev/null', { force: true })).toThrow(
      failure('/dev/null is there, and is no directory'),
    );
  });

  it('replaces no device, fifo or socket, also when forced', () => {
    const out = new OutputDirectory(root, { force: true });
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const refused = expect.objectContaining({
      code: 'IO_FAILED',
      message: `${root}/fifo is a device, fifo or socket, which is not replaced`,
    });
    expect(() => out.check(names('fifo'))).toThrow(refused);
    expect(() => out.begin(names('fifo'), { ...attributes, size: 0 })).toThrow(refused);
    expect(() => out.symlink(names('fifo'), Buffer.from('x'), attributes)).toThrow(refused);
    expect(readdirSync(root)).toEqual(['fifo']);
  });

  it('follows no symlink, and writes below no file', () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    const out = new OutputDirectory(root, { force: true });
    symlinkSync(outside, join(root, 'link'));
    writeFileSync(join(root, 'file'), '');
    for (const [path, why] of [
      ['link/a', 'link is a symlink'],
      ['link/a/b', 'link is a symlink'],
      ['file/a', 'file is there, and no directory'],
    ] as const) {
      expect(() => out.check(names(path))).toThrow(failure(why));
      expect(() => out.begin(names(path), attributes)).toThrow(failure(why));
      expect(() => out.beginDirectory(names(path))).toThrow(failure(why));
      expect(() => out.symlink(names(path), Buffer.from('x'), attributes)).toThrow(failure(why));
    }
    expect(() => out.beginDirectory(names('link'))).toThrow(failure('link is a symlink'));
    expect(readdirSync(outside)).toEqual([]);
    for (const path of ['../a', 'a/../../b', './a', 'a//b', '']) {
      expect(() => out.begin(names(path), attributes)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    }
    expect(readdirSync(scratch).sort()).toEqual(['deep', 'outside']);
  });

  it('may be a symlink itself', () => {
    mkdirSync(join(scratch, 'real'));
    symlinkSync('real', join(scratch, 'way'));
    new OutputDirectory(join(scratch, 'way'), { force: false }).begin(names('a'), attributes).commit();
    expect(readdirSync(join(scratch, 'real'))).toEqual(['a']);
  });

  it('gives directories their attributes last', () => {
    const out = new OutputDirectory(root, { force: false });
    const closed = { ...attributes, mode: 0o500 };
    out.beginDirectory(names('a'));
    out.begin(names('a/b'), attributes).commit();
    out.endDirectory(names('a'), closed);
    const { mode, mtimeMs } = lstatSync(join(root, 'a'));
    expect([mode & 0o7777, mtimeMs]).toEqual([0o500, 1_000_000_000_500]);
    out.beginDirectory([]);
    out.endDirectory([], closed);
    expect(lstatSync(root).mode & 0o777).not.toBe(0o500);
  });

  it('changes no other file, whatever takes the place of what it made', () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'mine', { mode: 0o600 });
    const out = new OutputDirectory(root, { force: true });
    const file = out.begin(names('a'), { ...attributes, mode: 0o666 });
    const [temporary] = readdirSync(root);
    rmSync(join(root, temporary!));
    symlinkSync(join(outside, 'file'), join(root, temporary!));
    file.commit();
    out.beginDirectory(names('d'));
    rmSync(join(root, 'd'), { recursive: true });
    symlinkSync(outside, join(root, 'd'));
    expect(() => out.endDirectory(names('d'), { ...attributes, mode: 0o777 })).toThrow(failure('d'));
    const mode = (path: string) => lstatSync(path).mode & 0o777;
    expect(mode(join(outside, 'file'))).toBe(0o600);
    expect(mode(outside)).not.toBe(0o777);
  });

  it('makes symlinks as they are', () => {
    const out = new OutputDirectory(root, { force: false });
    out.symlink(names('l'), Buffer.from('../../../etc'), attributes);
    expect(readlinkSync(join(root, 'l'))).toBe('../../../etc');
    expect(lstatSync(join(root, 'l')).mtimeMs).toBe(1_000_000_000_500);
  });

  it('says when it can not be made', () => {
    writeFileSync(join(scratch, 'file'), '');
    expect(() => new OutputDirectory(join(scratch, 'file'), { force: true })).toThrow(failure('file'));
    expect(() => new OutputDirectory(join(scratch, 'file', 'a'), { force: true })).toThrow(
      failure('not a directory'),
    );
  });
});
