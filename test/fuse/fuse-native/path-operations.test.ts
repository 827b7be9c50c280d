import { constants as fsConstants } from 'node:fs';
import { constants } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { logTo } from '#src/base/log.js';
import { FaultLog } from '#src/fuse/fault-log.js';
import { PathOperations } from '#src/fuse/fuse-native/path-operations.js';
import { MemoryFs } from '../memory-fs.js';

const { EACCES, EILSEQ, EINVAL, EIO, ENAMETOOLONG, ENODATA, ENOENT, ENOTDIR, ERANGE, EROFS } =
  constants.errno;
const { O_APPEND, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, R_OK, W_OK, X_OK } = fsConstants;
const { S_IFBLK, S_IFDIR, S_IFREG } = fsConstants;

const RAW = Buffer.from([0x63, 0xff]); // no UTF-8

function sample(readDeadlineMs = 10_000) {
  const fs = new MemoryFs();
  const dir = fs.dir(fs.root, 'dir', { mode: 0o1777 });
  const file = fs.file(dir, 'größe 😀', 'content', {
    mode: 0o4755,
    uid: 7,
    gid: 8,
    mtime: [1_600_000_000, 999_999_999],
    xattrs: { 'user.a': Buffer.from('12345'), 'user.empty': Buffer.alloc(0) },
    hidden: { 'layerslayer.layer': Buffer.from('x') },
  });
  const log: string[] = [];
  const faults = new FaultLog(logTo((level, message) => log.push(`${level}: ${message}`)));
  const operations = new PathOperations(fs, faults, { readDeadlineMs });
  /** What an operation replies; once, at some time. */
  const ask = (name: keyof PathOperations, ...args: unknown[]): Promise<unknown[]> =>
    new Promise((resolve) => {
      const operation = operations[name] as (...all: unknown[]) => void;
      operation.call(operations, ...args, (...reply: unknown[]) => resolve(reply));
    });
  return { fs, dir, file, operations, log, ask };
}

const FILE = '/dir/größe 😀';

describe('a path', () => {
  it.each([
    ['/', 0],
    ['/dir', 0],
    [FILE, 0],
    ['/none', -ENOENT],
    ['/dir/none', -ENOENT],
    ['/none/file', -ENOENT],
    [`${FILE}/x`, -ENOTDIR],
    [`/${'x'.repeat(255)}`, -ENOENT],
    [`/${'x'.repeat(256)}`, -ENAMETOOLONG],
    [`/${'ü'.repeat(128)}`, -ENAMETOOLONG], // 256 bytes
    [`/${'x'.repeat(256)}/file`, -ENAMETOOLONG],
    ['/__proto__', -ENOENT],
    ['/DIR', -ENOENT],
  ])('%s is answered by %i', async (path, result) => {
    expect((await sample().ask('getattr', path))[0]).toBe(result);
  });

  it('leads where its names lead, whatever was asked before', async () => {
    const name = fc.constantFrom('a', 'b', 'ü', '\ufffd', 'x'.repeat(255));
    const path = fc.array(name, { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 8 }), fc.array(path), async (made, asked) => {
        const { fs, ask } = sample();
        const inodes = new Map<string, number>([['', fs.root]]);
        for (const names of made) {
          names.forEach((_, i) => {
            const [at, parent] = [names.slice(0, i + 1).join('/'), names.slice(0, i).join('/')];
            if (!inodes.has(at)) inodes.set(at, fs.dir(inodes.get(parent)!, names[i]!));
          });
        }
        for (const names of [...asked, ...made]) {
          const [result, stat] = await ask('getattr', `/${names.join('/')}`);
          const inode = inodes.get(names.join('/'));
          if (inode === undefined) expect(result).toBe(-ENOENT);
          else expect([result, (stat as { ino: number }).ino]).toEqual([0, inode]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('getattr', () => {
  it('has everything of a file', async () => {
    const { file, ask } = sample();
    const time = 1_600_000_000_999;
    expect(await ask('getattr', FILE)).toEqual([
      0,
      {
        mode: S_IFREG | 0o4755,
        ino: file,
        uid: 7,
        gid: 8,
        size: 7,
        nlink: 1,
        rdev: 0,
        blksize: 4096,
        blocks: 1,
        atime: time,
        mtime: time,
        ctime: time,
      },
    ]);
  });

  it('has type and number of a device', async () => {
    const { fs, ask } = sample();
    fs.add(fs.root, 'sda', { kind: 'block', mode: 0o600, device: [259, 65_537] });
    const [, stat] = await ask('getattr', '/sda');
    expect(stat).toMatchObject({ mode: S_IFBLK | 0o600, rdev: 0x10010301 });
  });

  it.each([
    [[0, 999_999], 0],
    [[-1, 500_000_000], 0], // what lies before 1970 is 1970
    [[-8_589_934_592, 1], 0],
    [[8_589_934_592, 123_456_789], 8_589_934_592_123],
    [[Number.MAX_SAFE_INTEGER, 0], Number.MAX_SAFE_INTEGER],
  ] as [[number, number], number][])('time %o is %i ms', async (mtime, ms) => {
    const { fs, ask } = sample();
    fs.file(fs.root, 'f', '', { mtime });
    expect((await ask('getattr', '/f'))[1]).toMatchObject({ mtime: ms, atime: ms, ctime: ms });
  });
});

describe('names that are not UTF-8', () => {
  it('are neither listed nor found, by no substitute either', async () => {
    const { fs, dir, ask } = sample();
    fs.file(dir, RAW, 'hidden');
    const [result, names, stats] = await ask('readdir', '/dir');
    expect([result, names]).toEqual([0, ['.', '..', 'größe 😀']]);
    expect((stats as { mode: number; ino: number }[]).map(({ mode, ino }) => [mode, ino])).toEqual([
      [S_IFDIR, dir],
      [S_IFDIR, fs.root],
      [S_IFREG, sample().file],
    ]);
    expect((await ask('getattr', `/dir/${RAW}`))[0]).toBe(-ENOENT);
  });

  it('do not hide a name that really has U+FFFD', async () => {
    const { fs, ask } = sample();
    fs.file(fs.root, RAW, 'raw');
    const real = fs.file(fs.root, 'c\ufffd', 'real');
    expect((await ask('readdir', '/'))[1]).toEqual(['.', '..', 'dir', 'c\ufffd']);
    expect((await ask('getattr', '/c\ufffd'))[1]).toMatchObject({ ino: real });
  });

  it('as targets of links can’t be read', async () => {
    const { fs, ask } = sample();
    fs.symlink(fs.root, 'raw', RAW);
    fs.symlink(fs.root, 'long', 'x'.repeat(4096));
    fs.symlink(fs.root, 'good', '../größe 😀');
    expect(await ask('readlink', '/raw')).toEqual([-EILSEQ]);
    expect(await ask('readlink', '/long')).toEqual([-ENAMETOOLONG]);
    expect(await ask('readlink', '/good')).toEqual([0, '../größe 😀']);
    expect((await ask('readlink', '/dir'))[0]).toBe(-EINVAL);
  });

  it('of attributes are left out of the list', async () => {
    const { fs, ask } = sample();
    const xattrs = { 'user.a': RAW, 'user.\xff': RAW, 'user.z': RAW }; // MemoryFs takes the names as latin1
    fs.file(fs.root, 'f', '', { xattrs });
    const into = Buffer.alloc(64);
    const [length] = await ask('listxattr', '/f', into);
    expect(into.toString('latin1', 0, length as number)).toBe('user.a\0user.z\0');
  });
});

describe('extended attributes', () => {
  it.each([
    ['user.a', 0, 5, ''],
    ['user.a', 5, 5, '12345'],
    ['user.a', 9, 5, '12345\0\0\0\0'],
    ['user.a', 4, -ERANGE, '\0\0\0\0'],
    ['user.empty', 0, 0, ''],
    ['user.empty', 3, 0, '\0\0\0'],
    ['user.none', 9, -ENODATA, '\0'.repeat(9)],
    ['layerslayer.layer', 1, 1, 'x'],
  ])('%s into %i bytes: %i', async (name, size, result, held) => {
    const into = Buffer.alloc(size);
    expect(await sample().ask('getxattr', FILE, name, into)).toEqual([result]);
    expect(into.toString('latin1')).toBe(held);
  });

  it.each([
    [0, 18],
    [18, 18],
    [17, -ERANGE],
  ])('names into %i bytes: %i', async (size, result) => {
    const into = Buffer.alloc(size);
    expect(await sample().ask('listxattr', FILE, into)).toEqual([result]);
    if (result === size && size > 0) expect(into.toString()).toBe('user.a\0user.empty\0');
  });
});

describe('open and read', () => {
  it.each([
    [O_RDONLY, 0],
    [O_WRONLY, -EROFS],
    [O_RDWR, -EROFS],
    [O_WRONLY | O_APPEND, -EROFS],
    [O_RDONLY | O_TRUNC, -EROFS],
  ])('flags %i: %i', async (flags, result) => {
    const { file, ask } = sample();
    expect(await ask('open', FILE, flags)).toEqual(result === 0 ? [0, file] : [result]);
  });

  it.each([
    [0, 7, 'content'],
    [3, 100, 'tent'],
    [7, 10, ''],
    [100, 10, ''],
  ])('from %i, %i bytes', async (offset, length, wanted) => {
    const { file, ask } = sample();
    const into = Buffer.alloc(length);
    const [count] = await ask('read', FILE, file, into, length, offset);
    expect(into.toString('utf8', 0, count as number)).toBe(wanted);
  });

  const waiting = (answer: () => Promise<Uint8Array>, readDeadlineMs?: number) => {
    const made = sample(readDeadlineMs);
    let signal: AbortSignal | undefined;
    const inode = made.fs.device(made.fs.root, 'slow', 4096, (_offset, _length, given) => {
      signal = given;
      return answer();
    });
    const into = Buffer.alloc(4096);
    return { ...made, into, read: made.ask('read', '/slow', inode, into, 4096, 0), signal: () => signal };
  };

  it('bytes that come later', async () => {
    const { read, into } = waiting(async () => Buffer.from('late'));
    expect(await read).toEqual([4]);
    expect(into.toString('utf8', 0, 4)).toBe('late');
  });

  it('a fault of the network is EIO, and told', async () => {
    const fault = new LayerslayerError('REGISTRY_UNAVAILABLE', 'reading layer sha256:ab at 0: got 503');
    const { read, log } = waiting(() => Promise.reject(fault));
    expect(await read).toEqual([-EIO]);
    expect(log).toEqual([expect.stringMatching(/^error: reading \/\S+ at 0: reading layer sha256:ab at 0/)]);
  });

  it('what never comes is EIO at the deadline, and what was under way is ended', async () => {
    const { read, log, signal } = waiting(() => new Promise(() => {}), 50);
    expect(await read).toEqual([-EIO]);
    expect(log[0]).toMatch(/no answer within 0.05 s/);
    expect(signal()?.aborted).toBe(true);
  });

  it('a read is ended when no caller waits for it any more', async () => {
    const { operations, read, log, signal } = waiting(() => new Promise(() => {}));
    operations.abortReads();
    expect((await read)[0]).toBeLessThan(0);
    expect(signal()?.aborted).toBe(true);
    expect(log).toEqual([]);
  });

  it('more bytes than were asked for are a fault of ours, and are not delivered', async () => {
    const { read, into, log } = waiting(async () => Buffer.alloc(5000, 'x'));
    expect(await read).toEqual([-EIO]);
    expect(into.every((byte) => byte === 0)).toBe(true);
    expect(log[0]).toContain('got 5000 bytes, want at most 4096');
  });
});

describe('access', () => {
  it.each([
    ['/dir', R_OK | X_OK, 0],
    ['/dir', W_OK, -EROFS],
    [FILE, X_OK, 0],
    ['/plain', X_OK, -EACCES],
    ['/plain', R_OK, 0],
    ['/none', R_OK, -ENOENT],
  ])('of %s by %i: %i', async (path, mask, result) => {
    const { fs, ask } = sample();
    fs.file(fs.root, 'plain', '');
    const [errno] = await ask('access', path, mask);
    expect(errno === result).toBe(true); // -0 is 0
  });
});

it('statfs describes a full file system', async () => {
  expect(await sample().ask('statfs', '/')).toEqual([
    0,
    { bsize: 4096, frsize: 4096, blocks: 12_345, files: 3, namemax: 255 },
  ]);
});

it.each([
  ['create', '/new', 0o644],
  ['write', FILE, 3, Buffer.alloc(1), 1, 0],
  ['truncate', FILE, 0],
  ['mknod', '/new', 0o644, 0],
  ['mkdir', '/new', 0o755],
  ['unlink', FILE],
  ['rmdir', '/dir'],
  ['symlink', 'target', '/new'],
  ['link', FILE, '/new'],
  ['rename', FILE, '/new'],
  ['chmod', FILE, 0o600],
  ['chown', FILE, 0, 0],
  ['utimens', FILE, 0, 0],
  ['setxattr', FILE, 'user.b', Buffer.alloc(1), 0, 0],
  ['removexattr', FILE, 'user.a'],
] as [keyof PathOperations, ...unknown[]][])('%s is refused', async (name, ...args) => {
  expect(await sample().ask(name, ...args)).toEqual([-EROFS]);
});

it('a fault of ours is EIO, and told with where it happened', async () => {
  const { fs, ask, log } = sample();
  fs.getattr = () => {
    throw new TypeError('a bug');
  };
  expect(await ask('getattr', '/dir')).toEqual([-EIO]);
  expect(log[0]).toMatch(/attributes of "\/dir": TypeError: a bug\n {4}at /);
});
