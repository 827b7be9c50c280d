import { writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ArchiveMembers } from '#src/source/archive-members.js';
import { cleanUp, onCleanUp, scratchDirectory } from '../cache/scratch.js';
import {
  type Bytes,
  dir,
  fifo,
  file,
  hardlink,
  oldGnuSparse,
  paxHeader,
  symlink,
  tarOf,
  unterminated,
} from '../support/tar.js';

afterEach(cleanUp);

async function archive(bytes: Uint8Array) {
  const path = join(scratchDirectory(), 'x.tar');
  writeFileSync(path, bytes);
  const opened = await open(path);
  onCleanUp(() => opened.close());
  const reads: [number, number][] = [];
  // Notes what is read: contents are passed over.
  const read: FileHandle['read'] = async (...args: unknown[]) => {
    reads.push([args[3] as number, args[2] as number]);
    return (opened.read as (...args: unknown[]) => never)(...args);
  };
  return { noting: { read } as FileHandle, size: bytes.length, reads };
}

async function scan(bytes: Uint8Array) {
  const { noting, size } = await archive(bytes);
  const members = await ArchiveMembers.scan(noting, size);
  return (name: string) => {
    const place = members.find(name);
    return place && Buffer.from(bytes.subarray(place.start, place.start + place.size)).toString();
  };
}

describe('the members of an archive', () => {
  const table: [string, Uint8Array[], string, string | undefined][] = [
    ['a file', [file('a', 'content')], 'a', 'content'],
    ['an empty file', [file('a')], 'a', ''],
    ['nothing', [file('a', 'x')], 'b', undefined],
    ['a directory', [dir('a/')], 'a', undefined],
    ['a pipe', [fifo('a')], 'a', undefined],
    ['with ./', [file('./a/b', 'x')], 'a/b', 'x'],
    ['with a slash before', [file('/a/b', 'x')], 'a/b', 'x'],
    ['asked for with detours', [file('a/b', 'x')], './a//c/../b', 'x'],
    ['asked for by the root', [file('a', 'x')], '/a', 'x'],
    ['a way out is the root', [file('../../etc/passwd', 'x')], 'etc/passwd', 'x'],
    ['a way out, asked for', [file('etc/passwd', 'x')], '../../etc/passwd', 'x'],
    ['the last of a name', [file('a', '1'), file('b', 'x'), file('./a', '2')], 'a', '2'],
    ['a directory over a file', [file('a', '1'), dir('a/')], 'a', undefined],
    ['a symlink beside', [file('d/a', 'x'), symlink('d/l', 'a')], 'd/l', 'x'],
    [
      'a symlink up',
      [file('x/layer.tar', 'x'), symlink('y/layer.tar', '../x/layer.tar')],
      'y/layer.tar',
      'x',
    ],
    ['a symlink to the root', [file('a', 'x'), symlink('d/l', '/a')], 'd/l', 'x'],
    ['a symlink out', [file('etc/passwd', 'x'), symlink('l', '../../etc/passwd')], 'l', 'x'],
    ['a symlink to what is outside', [symlink('l', '/etc/passwd')], 'l', undefined],
    ['links in a row', [symlink('1', '2'), symlink('2', '3'), hardlink('3', 'a'), file('a', 'x')], '1', 'x'],
    ['a symlink to itself', [symlink('l', 'l')], 'l', undefined],
    ['symlinks in a ring', [symlink('a', 'b'), symlink('b', 'a')], 'a', undefined],
    ['a hard link', [file('d/a', 'x'), hardlink('l', 'd/a')], 'l', 'x'],
    ['a hard link out', [file('a', 'x'), hardlink('d/l', '../../a')], 'd/l', 'x'],
    ['by a PAX name', [paxHeader({ path: 'long' }), file('short', 'x')], 'long', 'x'],
    ['a property of all objects', [file('a', 'x')], '__proto__', undefined],
    ['called like one', [file('__proto__', 'x')], '__proto__', 'x'],
    ['not UTF-8', [file(Buffer.from([0xff]) as Bytes, 'x')], '\ufffd', undefined],
    ['after more content than is read at once', [file('a', 'y'.repeat(300_000)), file('b', 'x')], 'b', 'x'],
  ];
  it.each(table)('%s', async (_, members, name, content) => {
    expect((await scan(tarOf(...members)))(name)).toBe(content);
  });

  it('are found without an end of the archive, or with garbage after it', async () => {
    expect((await scan(unterminated(file('a', 'x'))))('a')).toBe('x');
    const garbage = Buffer.concat([tarOf(file('a', 'x')), Buffer.alloc(500_000, 7)]);
    expect((await scan(garbage))('a')).toBe('x');
    expect((await scan(Buffer.alloc(0)))('a')).toBeUndefined();
  });

  it('that are sparse are refused when they are asked for', async () => {
    const find = await scan(tarOf(oldGnuSparse('s', 1000, [{ offset: 512, data: 'x' }]), file('a', 'x')));
    expect(find('a')).toBe('x');
    expect(() => find('s')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('are found without reading their contents', async () => {
    const big = 'y'.repeat(10_000_000);
    const { noting, size, reads } = await archive(tarOf(file('a', big), file('b', big), file('c', 'x')));
    const members = await ArchiveMembers.scan(noting, size);
    expect(members.find('b')).toEqual({ start: 512 + 10_000_384 + 512, size: 10_000_000 });
    const bytes = reads.reduce((sum, [, length]) => sum + length, 0);
    expect(bytes).toBeLessThan(200_000);
  });

  it.each([
    ['within a content', tarOf(file('a', 'y'.repeat(300_000))).subarray(0, 200_000)],
    ['within a content, in the first bytes', tarOf(file('a', 'y'.repeat(3000))).subarray(0, 2000)],
    ['within a header', tarOf(file('a', 'x')).subarray(0, 300)],
    ['by garbage', Buffer.concat([file('a', 'x'), Buffer.alloc(512, 1)])],
    ['of nothing but garbage', Buffer.alloc(10_000, 'no tar')],
  ])('cut %s: CORRUPT_LAYER', async (_, bytes) => {
    await expect(scan(bytes)).rejects.toMatchObject({ code: 'CORRUPT_LAYER' });
  });

  it('are refused when there are too many, or their names too long', async () => {
    const one = file('x', '');
    const many = Buffer.alloc(200_001 * one.length);
    for (let i = 0; i <= 200_000; i++) many.set(file(`${i}`, ''), i * one.length);
    await expect(scan(many)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'it has more than 200000 members',
    });
    const long = Array.from({ length: 40 }, (_, i) => [
      paxHeader({ path: `${`${'n'.repeat(249)}/`.repeat(4000)}${i}` }),
      file('x', ''),
    ]);
    await expect(scan(tarOf(...long.flat()))).rejects.toThrow("members' names");
  }, 60_000);
});
