import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPCODE } from '#src/fuse/dev-fuse/opcode.js';
import { MemoryFs } from '../memory-fs.js';
import { newDispatcher, readBody } from '../wire-request.js';

interface Record {
  node: number | undefined; // READDIRPLUS only
  inode: number;
  next: number;
  type: number;
  name: string;
}

/** The records of a reply; fails on padding that isn't zero and on bytes left over. */
function records(body: Buffer, plus: boolean): Record[] {
  const found: Record[] = [];
  let start = 0;
  while (start < body.length) {
    const dirent = start + (plus ? 128 : 0);
    const nameLength = body.readUInt32LE(dirent + 16);
    const nameEnd = dirent + 24 + nameLength;
    const end = Math.ceil(nameEnd / 8) * 8;
    expect(end).toBeLessThanOrEqual(body.length);
    expect(body.subarray(nameEnd, end).every((byte) => byte === 0)).toBe(true);
    found.push({
      node: plus ? Number(body.readBigUInt64LE(start)) : undefined,
      inode: Number(body.readBigUInt64LE(dirent)),
      next: Number(body.readBigUInt64LE(dirent + 8)),
      type: body.readUInt32LE(dirent + 20),
      name: body.toString('latin1', dirent + 24, nameEnd),
    });
    start = end;
  }
  return found;
}

function directoryOf(names: string[]) {
  const fs = new MemoryFs();
  const parent = fs.dir(fs.root, 'parent');
  for (const name of names) fs.file(parent, Buffer.from(name, 'latin1'), '');
  return { parent, ...newDispatcher(fs) };
}

const plusOf = (plus: boolean) => (plus ? OPCODE.READDIRPLUS : OPCODE.READDIR);

test('types and inodes; `.` and `..` count no lookup', () => {
  const fs = new MemoryFs();
  const dir = fs.dir(fs.root, 'dir');
  const children = [
    fs.file(dir, 'file', 'x'),
    fs.dir(dir, 'dir'),
    fs.symlink(dir, 'symlink', 'x'),
    fs.add(dir, 'char', { kind: 'char', device: [1, 3] }),
    fs.add(dir, 'block', { kind: 'block', device: [8, 0] }),
    fs.add(dir, 'fifo', { kind: 'fifo' }),
  ];
  const { ask } = newDispatcher(fs);
  for (const plus of [true, false]) {
    const found = records(ask(plusOf(plus), { inode: dir, body: readBody(0, 4096) }).body, plus);
    expect(found.map(({ name, type }) => [name, type])).toEqual([
      ['.', 4],
      ['..', 4],
      ['file', 8],
      ['dir', 4],
      ['symlink', 10],
      ['char', 2],
      ['block', 6],
      ['fifo', 1],
    ]);
    expect(found.map(({ inode }) => inode)).toEqual([dir, fs.root, ...children]);
    if (plus) expect(found.map(({ node }) => node)).toEqual([0, 0, ...children]);
  }
});

test('a listing read piecewise, with any buffer sizes, is the listing', () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((bytes) => Buffer.from(bytes).toString('latin1').replace(/[\0/]/g, '_'))
    .filter((text) => text !== '.' && text !== '..');
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 30 }),
      fc.boolean(),
      fc.array(fc.integer({ min: 200, max: 1500 }), { minLength: 1, maxLength: 5 }),
      (names, plus, sizes) => {
        const { parent, ask } = directoryOf(names);
        const found: Record[] = [];
        for (let turn = 0; ; turn++) {
          const size = sizes[turn % sizes.length]!;
          const body = readBody(found.at(-1)?.next ?? 0, size);
          const reply = ask(plusOf(plus), { inode: parent, body });
          expect(reply.body.length).toBeLessThanOrEqual(size);
          if (reply.body.length === 0) break;
          found.push(...records(reply.body, plus));
        }
        expect(found.map((record) => record.name)).toEqual(['.', '..', ...names]);
      },
    ),
    { numRuns: 200 },
  );
});

test('any place of a listing can be gone back to', () => {
  const names = Array.from({ length: 50 }, (_, i) => `name-${i}`);
  const { parent, ask } = directoryOf(names);
  const list = (offset: number) =>
    records(ask(OPCODE.READDIRPLUS, { inode: parent, body: readBody(offset, 65_536) }).body, true);
  const whole = list(0);
  for (const [i, { next }] of whole.entries()) expect(list(next)).toEqual(whole.slice(i + 1));
});

test.each([0, 1, 23, 31, 151, 159])(
  'a buffer of %d bytes holds no record: an empty reply, not a torn one',
  (size) => {
    const { parent, ask } = directoryOf([]);
    const plus = size > 100;
    expect(ask(plusOf(plus), { inode: parent, body: readBody(0, size) })).toMatchObject({
      error: 0,
      body: Buffer.alloc(0),
    });
  },
);

test('a record fits a buffer of its size, and not one byte less', () => {
  const { parent, ask } = directoryOf(['x'.repeat(255)]);
  const size = 24 + 255 + 1; // fuse_dirent, name, padding
  expect(records(ask(OPCODE.READDIR, { inode: parent, body: readBody(2, size) }).body, false)).toHaveLength(
    1,
  );
  expect(ask(OPCODE.READDIR, { inode: parent, body: readBody(2, size - 1) }).body).toHaveLength(0);
});

test('however much the kernel asks for', () => {
  const { parent, ask } = directoryOf(Array.from({ length: 5000 }, (_, i) => `n${i}`));
  const { error, body } = ask(OPCODE.READDIRPLUS, { inode: parent, body: readBody(0, 0xffffffff) });
  expect(error).toBe(0);
  expect(records(body, true).length).toBeGreaterThan(100);
});
