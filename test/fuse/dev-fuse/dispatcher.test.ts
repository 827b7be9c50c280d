import { constants } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPCODE, WRITING_OPCODES } from '#src/fuse/dev-fuse/opcode.js';
import { MemoryFs } from '../memory-fs.js';
import {
  accessBody,
  initBody,
  lseekBody,
  nameBody,
  newDispatcher,
  readBody,
  requestBytes,
  xattrBody,
} from '../wire-request.js';

const { EACCES, EINVAL, EIO, ENAMETOOLONG, ENODATA, ENOENT, ENOSYS, ENXIO, EPROTO, ERANGE, EROFS } =
  constants.errno;

function sample() {
  const fs = new MemoryFs();
  const dir = fs.dir(fs.root, 'dir');
  const file = fs.file(dir, 'file', 'content', { xattrs: { 'user.a': Buffer.from('12345') } });
  const link = fs.symlink(dir, 'link', 'x'.repeat(4095));
  const longLink = fs.symlink(dir, 'long', 'x'.repeat(4096));
  return { fs, dir, file, link, longLink, ...newDispatcher(fs) };
}

describe('INIT', () => {
  test('agrees on our version and the flags we want, not those we do not', async () => {
    const { ask, dispatcher } = sample();
    const { error, body } = ask(OPCODE.INIT, { body: initBody(7, 45) });
    expect(error).toBe(0);
    expect(body.length).toBe(64);
    expect([body.readUInt32LE(0), body.readUInt32LE(4)]).toEqual([7, 38]);
    expect(body.readUInt32LE(8)).toBe(131_072); // max_readahead: the smaller
    // ASYNC_READ, EXPORT_SUPPORT, DO_READDIRPLUS, NO_OPEN, PARALLEL_DIROPS, MAX_PAGES,
    // CACHE_SYMLINKS, NO_OPENDIR
    const flags = [0, 4, 13, 17, 18, 22, 23, 24].reduce((sum, bit) => sum + 2 ** bit, 0);
    expect(body.readUInt32LE(12)).toBe(flags);
    expect(body.readUInt32LE(24)).toBe(1); // time_gran
    expect(body.readUInt16LE(28)).toBe(256); // max_pages
    await dispatcher.ready;
  });

  test('asks for nothing that the kernel does not offer', () => {
    expect(
      sample()
        .ask(OPCODE.INIT, { body: initBody(7, 31, 1, 9e9 >>> 0) })
        .body.readUInt32LE(12),
    ).toBe(1);
  });

  test('a later major version is asked to come again in ours', async () => {
    const { ask, dispatcher } = sample();
    const { error, body } = ask(OPCODE.INIT, { body: initBody(8, 0) });
    expect([error, body.readUInt32LE(0)]).toEqual([0, 7]);
    ask(OPCODE.INIT, { body: initBody(7, 45) });
    await dispatcher.ready;
  });

  test.each([
    [7, 30],
    [6, 99],
    [0, 0],
  ])('version %d.%d is refused, and the mount fails saying so', async (major, minor) => {
    const { ask, dispatcher } = sample();
    expect(ask(OPCODE.INIT, { body: initBody(major, minor) }).error).toBe(-EPROTO);
    await expect(dispatcher.ready).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: `the kernel speaks FUSE ${major}.${minor}, want 7.31 or newer`,
    });
  });

  test('too short', () => {
    expect(sample().ask(OPCODE.INIT, { body: Buffer.alloc(15) }).error).toBe(-EINVAL);
  });

  test('a mount that ends before INIT has failed', async () => {
    const { dispatcher } = sample();
    dispatcher.close();
    await expect(dispatcher.ready).rejects.toMatchObject({ code: 'MOUNT_FAILED' });
  });
});

describe('OPEN and OPENDIR', () => {
  test.each([OPCODE.OPEN, OPCODE.OPENDIR])('operation %d: ENOSYS when agreed, else cached', (opcode) => {
    const agreed = sample();
    agreed.ask(OPCODE.INIT, { body: initBody(7, 45) });
    expect(agreed.ask(opcode, { body: Buffer.alloc(8) }).error).toBe(-ENOSYS);
    const plain = sample();
    plain.ask(OPCODE.INIT, { body: initBody(7, 45, 0) });
    const { error, body } = plain.ask(opcode, { body: Buffer.alloc(8) });
    expect([error, body.length, body.readUInt32LE(8)]).toEqual([0, 16, opcode === OPCODE.OPEN ? 2 : 2 + 8]);
    expect(
      plain.ask(opcode + 2 === 29 ? OPCODE.RELEASEDIR : OPCODE.RELEASE, { body: Buffer.alloc(24) }).error,
    ).toBe(0);
  });
});

describe('LOOKUP', () => {
  test('finds', () => {
    const { ask, dir, file } = sample();
    const { body } = ask(OPCODE.LOOKUP, { inode: dir, body: nameBody('file') });
    expect(body.length).toBe(128);
    expect(Number(body.readBigUInt64LE(0))).toBe(file); // nodeid
    expect(Number(body.readBigUInt64LE(40))).toBe(file); // st_ino
    expect(Number(body.readBigUInt64LE(16))).toBeGreaterThanOrEqual(3600); // entry_valid
    expect(Number(body.readBigUInt64LE(24))).toBeGreaterThanOrEqual(3600); // attr_valid
  });

  test('a name that is not there is cached too: node 0 with a timeout, and nothing of the reply before', () => {
    const { ask, dir } = sample();
    ask(OPCODE.LOOKUP, { inode: dir, body: nameBody('file') });
    const { error, body } = ask(OPCODE.LOOKUP, { inode: dir, body: nameBody('nothing') });
    expect(error).toBe(0);
    expect(body.readBigUInt64LE(0)).toBe(0n);
    expect(Number(body.readBigUInt64LE(16))).toBeGreaterThanOrEqual(3600);
    expect(body.subarray(40).every((byte) => byte === 0)).toBe(true);
  });

  test('`.` and `..` by handle, as NFS servers ask', () => {
    const { ask, fs, dir, file } = sample();
    const nodeOf = (inode: number, name: string) =>
      Number(ask(OPCODE.LOOKUP, { inode, body: nameBody(name) }).body.readBigUInt64LE(0));
    expect(nodeOf(file, '.')).toBe(file);
    expect(nodeOf(dir, '.')).toBe(dir);
    expect(nodeOf(dir, '..')).toBe(fs.root);
    expect(nodeOf(fs.root, '..')).toBe(fs.root);
    expect(ask(OPCODE.LOOKUP, { inode: 999, body: nameBody('.') }).error).toBe(-ENOENT);
    expect(ask(OPCODE.LOOKUP, { inode: file, body: nameBody('..') }).error).toBe(-ENOENT);
  });

  test.each([
    ['x'.repeat(255), 0],
    ['x'.repeat(256), -ENAMETOOLONG],
    ['', -EINVAL],
    ['a/b', -EINVAL],
  ])('name %j', (name, error) => {
    expect(sample().ask(OPCODE.LOOKUP, { body: nameBody(name) }).error).toBe(error);
  });

  test('a name without its NUL', () => {
    expect(sample().ask(OPCODE.LOOKUP, { body: Buffer.from('dir') }).error).toBe(-EINVAL);
    expect(sample().ask(OPCODE.LOOKUP, { body: Buffer.alloc(0) }).error).toBe(-EINVAL);
  });
});

describe('xattrs', () => {
  test.each([
    [0, 0, '\x05\0\0\0\0\0\0\0'],
    [4, -ERANGE, ''],
    [5, 0, '12345'],
    [65_536, 0, '12345'],
  ])('GETXATTR with room for %d', (size, error, body) => {
    const { ask, file } = sample();
    const reply = ask(OPCODE.GETXATTR, { inode: file, body: xattrBody(size, 'user.a') });
    expect([reply.error, reply.body.toString('latin1')]).toEqual([error, body]);
  });

  test.each([
    [0, 0, '\x07\0\0\0\0\0\0\0'],
    [6, -ERANGE, ''],
    [7, 0, 'user.a\0'],
  ])('LISTXATTR with room for %d', (size, error, body) => {
    const { ask, file } = sample();
    const reply = ask(OPCODE.LISTXATTR, { inode: file, body: xattrBody(size) });
    expect([reply.error, reply.body.toString('latin1')]).toEqual([error, body]);
  });

  test('none of that name, no name, too short', () => {
    const { ask, file } = sample();
    expect(ask(OPCODE.GETXATTR, { inode: file, body: xattrBody(9, 'user.b') }).error).toBe(-ENODATA);
    expect(ask(OPCODE.GETXATTR, { inode: file, body: xattrBody(9) }).error).toBe(-EINVAL);
    expect(ask(OPCODE.LISTXATTR, { inode: file, body: Buffer.alloc(7) }).error).toBe(-EINVAL);
    expect(ask(OPCODE.LISTXATTR, { inode: 1, body: xattrBody(0) }).body.readUInt32LE(0)).toBe(0);
  });
});

test('READLINK, and a target that no path can hold', () => {
  const { ask, link, longLink, file } = sample();
  expect(ask(OPCODE.READLINK, { inode: link }).body.length).toBe(4095);
  expect(ask(OPCODE.READLINK, { inode: longLink }).error).toBe(-ENAMETOOLONG);
  expect(ask(OPCODE.READLINK, { inode: file }).error).toBe(-EINVAL);
});

describe('ACCESS', () => {
  const [F_OK, X_OK, W_OK, R_OK] = [0, 1, 2, 4];
  function modes() {
    const fs = new MemoryFs();
    const plain = fs.file(fs.root, 'plain', '', { mode: 0o600 });
    const program = fs.file(fs.root, 'program', '', { mode: 0o610 });
    const dir = fs.dir(fs.root, 'dir', { mode: 0o600 });
    return { plain, program, dir, ...newDispatcher(fs) };
  }
  test.each([
    ['plain', F_OK, 0],
    ['plain', R_OK, 0],
    ['plain', X_OK, -EACCES],
    ['plain', R_OK | X_OK, -EACCES],
    ['plain', W_OK, -EROFS],
    ['plain', R_OK | W_OK | X_OK, -EROFS],
    ['program', R_OK | X_OK, 0],
    ['dir', R_OK | X_OK, 0],
    ['dir', W_OK, -EROFS],
  ] as const)('of %s, mask %d: %d', (name, mask, error) => {
    const { ask, ...inodes } = modes();
    const reply = ask(OPCODE.ACCESS, { inode: inodes[name], body: accessBody(mask) });
    expect(reply).toMatchObject({ error, body: Buffer.alloc(0) });
  });

  test('no such inode, too short', () => {
    const { ask, plain } = modes();
    expect(ask(OPCODE.ACCESS, { inode: 99, body: accessBody(R_OK) }).error).toBe(-EINVAL);
    expect(ask(OPCODE.ACCESS, { inode: plain, body: Buffer.alloc(7) }).error).toBe(-EINVAL);
  });
});

describe('LSEEK', () => {
  const [SEEK_END, SEEK_DATA, SEEK_HOLE] = [2, 3, 4];
  function sparse() {
    const fs = new MemoryFs();
    // A hole, data, a hole.
    const inode = fs.file(fs.root, 'sparse', Buffer.alloc(100), { segments: [[10, 20]] });
    return { fs, inode, ...newDispatcher(fs) };
  }
  test.each([
    [0, SEEK_DATA, 10],
    [15, SEEK_DATA, 15],
    [0, SEEK_HOLE, 0],
    [10, SEEK_HOLE, 30],
    [99, SEEK_HOLE, 99],
  ])('from %d, whence %d: %d', (offset, whence, wanted) => {
    const { ask, inode } = sparse();
    const { error, body } = ask(OPCODE.LSEEK, { inode, body: lseekBody(offset, whence) });
    expect([error, body.length]).toEqual([0, 8]);
    expect(Number(body.readBigUInt64LE(0))).toBe(wanted);
  });

  test.each([
    [30, SEEK_DATA, ENXIO],
    [100, SEEK_DATA, ENXIO],
    [100, SEEK_HOLE, ENXIO],
    [2n ** 53n, SEEK_HOLE, ENXIO],
    [2n ** 64n - 1n, SEEK_DATA, ENXIO],
    [0, SEEK_END, EINVAL],
    [0, 5, EINVAL],
  ])('from %d, whence %d: errno %d', (offset, whence, errno) => {
    const { ask, inode } = sparse();
    expect(ask(OPCODE.LSEEK, { inode, body: lseekBody(offset, whence) }).error).toBe(-errno);
  });

  test('no file, too short', () => {
    const { ask, fs, inode } = sparse();
    expect(ask(OPCODE.LSEEK, { inode: fs.root, body: lseekBody(0, SEEK_DATA) }).error).toBe(-EINVAL);
    expect(ask(OPCODE.LSEEK, { inode, body: Buffer.alloc(23) }).error).toBe(-EINVAL);
  });
});

test('READ within the file, across its end, behind it, and beyond any file', () => {
  const { ask, file } = sample();
  const read = (offset: bigint | number, size: number) =>
    ask(OPCODE.READ, { inode: file, body: readBody(offset, size) });
  expect(read(0, 4096).body.toString()).toBe('content');
  expect(read(3, 2).body.toString()).toBe('te');
  expect(read(7, 10)).toMatchObject({ error: 0, body: Buffer.alloc(0) });
  expect(read(2n ** 53n, 10).error).toBe(-EINVAL);
  expect(read(2n ** 64n - 1n, 10).error).toBe(-EINVAL);
  expect(read(0, 2 ** 20 + 1).error).toBe(-EINVAL);
  expect(ask(OPCODE.READ, { inode: 1, body: readBody(0, 10) }).error).toBe(-EINVAL);
  expect(ask(OPCODE.READ, { inode: file, body: Buffer.alloc(39) }).error).toBe(-EINVAL);
});

test('a file system that returns more than it was asked for is a bug: EIO, and the log has it', () => {
  const fs = new MemoryFs();
  const inode = fs.device(fs.root, 'f', 10, () => Buffer.alloc(11));
  const { ask, log } = newDispatcher(fs);
  expect(ask(OPCODE.READ, { inode, body: readBody(0, 10) }).error).toBe(-EIO);
  expect(log.join()).toContain('got 11 bytes, want at most 10');
});

test.each([...WRITING_OPCODES])('operation %d writes: EROFS', (opcode) => {
  expect(sample().ask(opcode, { body: Buffer.alloc(64) })).toMatchObject({
    error: -EROFS,
    body: Buffer.alloc(0),
  });
});

test.each([
  ['STATX', OPCODE.STATX],
  ['IOCTL', OPCODE.IOCTL],
  ['FSYNC', OPCODE.FSYNC],
  ['FLUSH', OPCODE.FLUSH],
  ['SETUPMAPPING', OPCODE.SETUPMAPPING],
  ['one that fuse.h skips', 7],
  ['0', 0],
  ['CUSE_INIT', 4096],
  ['the last', 0xffffffff],
])('%s: ENOSYS', (_, opcode) => {
  expect(sample().ask(opcode, { body: Buffer.alloc(64) }).error).toBe(-ENOSYS);
});

test.each([OPCODE.FORGET, OPCODE.BATCH_FORGET, OPCODE.NOTIFY_REPLY])(
  'operation %d has no reply',
  (opcode) => {
    for (const body of [Buffer.alloc(0), Buffer.alloc(8, 0xff), Buffer.alloc(4000, 0xff)]) {
      expect(sample().feed(requestBytes(opcode, { body }))).toEqual([]);
    }
  },
);

test('DESTROY and STATFS', () => {
  const { ask, fs } = sample();
  expect(ask(OPCODE.DESTROY)).toMatchObject({ error: 0, body: Buffer.alloc(0) });
  const { body } = ask(OPCODE.STATFS);
  expect(body.length).toBe(80);
  const u64s = [0, 8, 16, 24, 32].map((offset) => Number(body.readBigUInt64LE(offset)));
  expect(u64s).toEqual([fs.statfs().blocks, 0, 0, fs.statfs().files, 0]);
  expect([40, 44, 48].map((offset) => body.readUInt32LE(offset))).toEqual([4096, 255, 4096]);
});

test('the number of the request comes back as it was', () => {
  const { ask } = sample();
  for (const unique of [2n, 2n ** 32n, 2n ** 32n - 2n, 2n ** 53n - 2n]) {
    expect(ask(OPCODE.STATFS, { unique }).unique).toBe(unique);
  }
});

describe('hostile requests', () => {
  test.each([0, 1, 16, 39])('%d bytes: cannot be answered, said in the log', (length) => {
    const { feed, log } = sample();
    expect(feed(requestBytes(OPCODE.STATFS).subarray(0, length))).toEqual([]);
    expect(log).toHaveLength(1);
  });

  test.each([0, 39, 41, 0xffffffff])('a header that claims %d bytes of 40', (length) => {
    expect(sample().ask(OPCODE.STATFS, { length }).error).toBe(-EINVAL);
  });

  test('an inode that is not there', () => {
    const { ask } = sample();
    for (const inode of [0n, 999n, 2n ** 53n, 2n ** 64n - 1n]) {
      expect(ask(OPCODE.GETATTR, { inode, body: Buffer.alloc(16) }).error).toBe(-EINVAL);
      expect(ask(OPCODE.READDIRPLUS, { inode, body: readBody(0, 4096) }).error).toBe(-EINVAL);
    }
  });

  test('whatever comes, at most one reply, with the number it came with, and the next is served', () => {
    const { feed, ask, dir } = sample();
    const body = fc.uint8Array({ maxLength: 200 });
    const opcode = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.nat(0xffffffff));
    const inode = fc.oneof(fc.bigInt(0n, 6n), fc.bigInt(0n, 2n ** 64n - 1n));
    fc.assert(
      fc.property(opcode, inode, body, fc.option(fc.nat(300)), (op, number, bytes, length) => {
        const unique = 6n;
        const parts = { unique, inode: number, body: Buffer.from(bytes), length: length ?? undefined };
        const answers = feed(requestBytes(op, parts));
        expect(answers.length).toBeLessThanOrEqual(1);
        if (answers[0]) expect(answers[0].unique).toBe(unique);
        expect(ask(OPCODE.LOOKUP, { body: nameBody('dir') }).body.readUInt32LE(0)).toBe(dir);
      }),
      { numRuns: 3000 },
    );
  });

  test('pure noise', () => {
    const { feed } = sample();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(feed(bytes).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test('a bug in the file system is EIO for one request, logged with where it was thrown', () => {
  const fs = new MemoryFs();
  fs.statfs = () => {
    throw new TypeError('bug');
  };
  const { ask, log } = newDispatcher(fs);
  expect(ask(OPCODE.STATFS).error).toBe(-EIO);
  expect(ask(OPCODE.GETATTR, { body: Buffer.alloc(16) }).error).toBe(0);
  expect(log).toHaveLength(1);
  expect(log[0]).toMatch(/TypeError: bug\n.*dispatcher\.test/);
});
