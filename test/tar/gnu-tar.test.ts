// GNU tar is the oracle: the scan of its archives must match lstat, readlink and the files
// themselves.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TarEntry } from '#src/tar/entry.js';
import { contentOf, scanAll } from './scan-all.js';

const LONG = 'l'.repeat(180);
let source = '';

beforeAll(() => {
  source = mkdtempSync(join(tmpdir(), 'layerslayer-tar-'));
});
afterAll(() => {
  rmSync(source, { recursive: true, force: true });
});

/** A new directory below the test's own. */
function directory(name: string): string {
  const path = join(source, name);
  mkdirSync(path);
  return path;
}

function packed(cwd: string, ...options: string[]): Buffer {
  return execFileSync('tar', ['-c', '-C', cwd, ...options, '.'], {
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C' },
  });
}

function makeSparse(path: string, size: number, pieces: readonly [number, string][]): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  for (const [offset, data] of pieces) writeSync(fd, data, offset);
  closeSync(fd);
}

const GIGA = 1_000_000_000n;

function floorSeconds(nanoseconds: bigint): bigint {
  const whole = nanoseconds / GIGA;
  return nanoseconds < 0n && whole * GIGA !== nanoseconds ? whole - 1n : whole;
}

/** Sets the mtime of a name, not of what it links to. Node's utimes takes no times before 1970. */
function touch(cwd: string, name: string, seconds: string): void {
  execFileSync('touch', ['-h', '-m', '-d', `@${seconds}`, name], { cwd });
}

/** Compares every entry with the tree that was packed; returns the entries. */
function compare(tar: Buffer, cwd: string, options: { nanoseconds: boolean }): TarEntry[] {
  const { entries, warnings } = scanAll(tar, 100_003);
  expect(warnings).toEqual([]);
  for (const entry of entries) {
    const path = Buffer.concat([Buffer.from(`${cwd}/`), Buffer.from(entry.path)]);
    const name = JSON.stringify(Buffer.from(entry.path).toString('latin1'));
    const stat = lstatSync(path, { bigint: true });
    expect(entry.mode, name).toBe(Number(stat.mode & 0o7777n));
    expect([entry.uid, entry.gid], name).toEqual([Number(stat.uid), Number(stat.gid)]);
    const mtimeNs = BigInt(entry.mtimeSeconds) * GIGA + BigInt(entry.mtimeNanoseconds);
    expect(options.nanoseconds ? mtimeNs : BigInt(entry.mtimeSeconds), name).toBe(
      options.nanoseconds ? stat.mtimeNs : floorSeconds(stat.mtimeNs),
    );
    if (entry.kind === 'hardlink') {
      const target = Buffer.concat([Buffer.from(`${cwd}/`), Buffer.from(entry.linkTarget)]);
      expect(lstatSync(target, { bigint: true }).ino, name).toBe(stat.ino);
      continue;
    }
    expect(entry.kind, name).toBe(
      stat.isFile()
        ? 'file'
        : stat.isDirectory()
          ? 'dir'
          : stat.isSymbolicLink()
            ? 'symlink'
            : stat.isFIFO()
              ? 'fifo'
              : stat.isCharacterDevice()
                ? 'char'
                : 'block',
    );
    if (entry.kind === 'symlink') {
      expect(Buffer.from(entry.linkTarget), name).toEqual(readlinkSync(path, { encoding: 'buffer' }));
    }
    if (entry.kind === 'file') {
      expect(entry.size, name).toBe(Number(stat.size));
      expect(contentOf(tar, entry).equals(readFileSync(path)), name).toBe(true);
    }
    if (entry.kind === 'char' || entry.kind === 'block') {
      // glibc's makedev: 12 bits of major, 20 of minor, interleaved.
      const device = Number(stat.rdev);
      expect([entry.deviceMajor, entry.deviceMinor], name).toEqual([
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xfff00),
      ]);
    }
  }
  return entries;
}

describe('a tree of everything', () => {
  let tree = '';

  beforeAll(() => {
    tree = directory('everything');
    const at = (name: string | Buffer) => Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(name)]);
    mkdirSync(at('dir'));
    mkdirSync(at('dir/empty'));
    chmodSync(at('dir/empty'), 0o1777);
    writeFileSync(at('dir/file'), 'content');
    writeFileSync(at('empty'), '');
    writeFileSync(at('block'), Buffer.alloc(512, 'x'));
    writeFileSync(at('big'), Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251)));
    chmodSync(at('big'), 0o4711);
    writeFileSync(at(Buffer.from('caf\xe9 \n\t\x01\xff', 'latin1')), 'bytes');
    writeFileSync(at('tux-🐧'), 'utf8');
    symlinkSync('../nowhere', at('dir/link'));
    symlinkSync(Buffer.from('t\xe9\n', 'latin1'), at('bytes-link'));
    linkSync(at('big'), at('zz-hard'));
    linkSync(at('dir/link'), at('zz-hard-symlink'));
    execFileSync('mkfifo', [`${tree}/fifo`]);
    for (const name of ['empty', 'dir']) chownSync(at(name), 1234, 4321);
    touch(tree, 'empty', '-12345678');
    touch(tree, 'block', '4400000000'); // 2109
    touch(tree, 'dir/file', '1234567890.123456789');
    touch(tree, 'dir/empty', '-1.75');
    touch(tree, 'dir/link', '978307200');
  });

  // v7 and ustar know no negative, far or fractional time; v7 no fifo.
  const plain = ['--exclude=./empty', '--exclude=./block', '--exclude=./dir/empty'];
  test.each<[string, string[], boolean]>([
    ['v7', [...plain, '--exclude=./fifo'], false],
    ['ustar', plain, false],
    ['oldgnu', [], false],
    ['gnu', [], false],
    ['posix', [], true],
    ['pax', ['--pax-option=delete=atime,delete=ctime'], true],
  ])('--format=%s', (format, options, nanoseconds) => {
    const entries = compare(packed(tree, `--format=${format}`, ...options), tree, { nanoseconds });
    const kinds = new Set(entries.map((entry) => entry.kind));
    for (const kind of ['file', 'dir', 'symlink', 'hardlink']) expect(kinds).toContain(kind);
    expect(kinds.has('fifo')).toBe(format !== 'v7');
    expect(entries.some((entry) => entry.mtimeSeconds < 0)).toBe(
      plain.every((option) => !options.includes(option)),
    );
  });

  test('--incremental: atime and ctime where ustar has its prefix, directories of type D left out', () => {
    const tar = packed(tree, '--format=gnu', '--incremental');
    const { entries, warnings } = scanAll(tar);
    expect(warnings.length).toBe(3); // ., dir and dir/empty
    expect(warnings[0]).toContain('unknown type "D"');
    const paths = entries.map((entry) => Buffer.from(entry.path).toString('latin1'));
    expect(paths).toContain('./dir/file');
    expect(paths.every((path) => path.startsWith('./'))).toBe(true);
  });

  test('a volume label is no entry', () => {
    const tar = packed(tree, '--format=gnu', '--label=My volume');
    const { entries, warnings } = scanAll(tar);
    expect(warnings).toEqual(['tar entry "My volume" at 0: unknown type "V", skipped']);
    expect(entries.length).toBe(scanAll(packed(tree, '--format=gnu')).entries.length);
  });
});

test.each(['oldgnu', 'gnu', 'posix', 'ustar'])('long names and targets, --format=%s', (format) => {
  const tree = directory(`long-${format}`);
  const deep = join(tree, ...(format === 'ustar' ? ['d'.repeat(90), 'f'.repeat(98)] : [LONG, LONG, LONG]));
  mkdirSync(join(deep, '..'), { recursive: true });
  writeFileSync(deep, 'deep');
  linkSync(deep, join(tree, 'zz-hard'));
  if (format !== 'ustar') {
    writeFileSync(join(tree, 'm'.repeat(255)), 'name of 255');
    symlinkSync('t/'.repeat(2047), join(tree, 'long-link'));
    symlinkSync(LONG, join(tree, 's'.repeat(200)));
    writeFileSync(join(tree, 'a'.repeat(98)), '98'); // with ./ exactly 100
    writeFileSync(join(tree, 'b'.repeat(99)), '99');
  }
  const excluded = format === 'ustar' ? ['--exclude=./zz-hard'] : [];
  compare(packed(tree, `--format=${format}`, ...excluded), tree, { nanoseconds: format === 'posix' });
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)('devices and large owners, as root', () => {
  const tree = directory('root');
  const node = (name: string, type: string, major: number, minor: number) =>
    execFileSync('mknod', [join(tree, name), type, String(major), String(minor)]);
  node('null', 'c', 1, 3);
  node('disk', 'b', 259, 1048575);
  node('far', 'c', 4095, 300);
  writeFileSync(join(tree, 'owned'), 'x');
  execFileSync('chown', ['-h', '4294967294:3000000000', join(tree, 'owned')]);
  for (const format of ['oldgnu', 'gnu', 'posix']) {
    const entries = compare(packed(tree, `--format=${format}`), tree, { nanoseconds: format === 'posix' });
    expect(entries.find((entry) => entry.uid === 4294967294)?.gid).toBe(3000000000);
    expect(entries.filter((entry) => entry.kind === 'char' || entry.kind === 'block')).toHaveLength(3);
  }
});

describe('sparse files', () => {
  let tree = '';

  beforeAll(() => {
    tree = directory('sparse');
    const MIB = 1024 * 1024;
    makeSparse(join(tree, 'hole-first'), 4 * MIB, [[3 * MIB, 'data']]);
    makeSparse(join(tree, 'hole-last'), 4 * MIB + 17, [[0, 'data']]);
    makeSparse(join(tree, 'all-hole'), 3 * MIB + 5, []);
    makeSparse(join(tree, 'ends-in-data'), 2 * MIB, [[2 * MIB - 3, 'end']]);
    const many = (count: number): [number, string][] =>
      Array.from({ length: count }, (_, i) => [i * 3 * 65536 + 100, `piece ${i}`]);
    makeSparse(join(tree, 'four'), 4 * 3 * 65536, many(4));
    makeSparse(join(tree, 'thirty'), 30 * 3 * 65536, many(30));
    makeSparse(join(tree, 'ninety'), 90 * 3 * 65536, many(90));
    makeSparse(join(tree, `${LONG}-sparse`), MIB, [[500_000, 'x']]);
    writeFileSync(join(tree, 'dense'), 'no hole');
  });

  test.each<[string, string[]]>([
    ['oldgnu', ['--format=oldgnu']],
    ['gnu', ['--format=gnu']],
    ['posix 0.0', ['--format=posix', '--sparse-version=0.0']],
    ['posix 0.1', ['--format=posix', '--sparse-version=0.1']],
    ['posix 1.0', ['--format=posix', '--sparse-version=1.0']],
  ])('%s', (_name, options) => {
    const tar = packed(tree, '--sparse', '--hole-detection=raw', ...options);
    const entries = compare(tar, tree, { nanoseconds: options[0] === '--format=posix' });
    const sparse = entries.filter((entry) => entry.sparse !== undefined);
    expect(sparse.length).toBe(8);
    expect(Math.max(...sparse.map((entry) => entry.sparse!.length))).toBe(90);
    expect(tar.length).toBeLessThan(3 * 1024 * 1024);
  });
});

/**
 * Whether extended attributes can be set here: the tool is installed and the file system supports
 * them.
 */
function canSetXattrs(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'layerslayer-xattr-'));
  try {
    execFileSync('setfattr', ['-n', 'user.probe', '-v', '1', probe], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

test.runIf(canSetXattrs())('--xattrs: names and values as they were set', () => {
  const tree = directory('xattrs');
  writeFileSync(join(tree, 'file'), 'x');
  const set = { 'user.text': 'a=b', 'user.bytes': '0x000a3dff00', 'user.ümlaut': 'v' };
  for (const [name, value] of Object.entries(set))
    execFileSync('setfattr', ['-n', name, '-v', value, join(tree, 'file')]);
  const { entries } = scanAll(packed(tree, '--format=posix', '--xattrs', '--xattrs-include=user.*'));
  const file = entries.find((entry) => entry.kind === 'file')!;
  const got = new Map(
    file.xattrs.map(({ name, value }) => [Buffer.from(name).toString(), Buffer.from(value).toString('hex')]),
  );
  expect(got).toEqual(
    new Map([
      ['user.text', Buffer.from('a=b').toString('hex')],
      ['user.bytes', '000a3dff00'],
      ['user.ümlaut', Buffer.from('v').toString('hex')],
    ]),
  );
});

test('a record that GNU tar was told to write', () => {
  const tree = directory('pax-option');
  writeFileSync(join(tree, 'file'), 'x');
  const tar = packed(tree, '--format=posix', '--pax-option=SCHILY.xattr.user.note:=a=b');
  const file = scanAll(tar).entries.find((entry) => entry.kind === 'file')!;
  expect(
    file.xattrs.map(({ name, value }) => [Buffer.from(name).toString(), Buffer.from(value).toString()]),
  ).toEqual([['user.note', 'a=b']]);
});
