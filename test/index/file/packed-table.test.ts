import { describe, expect, it } from 'vitest';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { decodeTable } from '#src/index/file/encoded-table.js';
import { char, dir, file, hardlink, paxHeader, symlink, tarOf } from '../../support/tar.js';
import { indexBlob } from '../built-layer.js';

const NO_LIMIT = Number.POSITIVE_INFINITY;
const tar = tarOf(
  dir('etc/', { mode: 0o750, uid: 7, gid: 4_000_000_000, mtime: -5.5 }),
  file('etc/a', 'x'.repeat(70_000), { mode: 0o4755, mtime: 1_700_000_000.125 }),
  paxHeader({ 'SCHILY.xattr.user.a': 'b' }),
  file('etc/b', 'y', { mtime: 4_294_967_296 }),
  hardlink('etc/c', 'etc/a'),
  symlink('etc/d', 'a'),
  char('dev/x', 511, 1_048_575),
);

describe('a table whose rows are read in place', () => {
  it('has what all columns have', async () => {
    const { encoded } = await indexBlob(tar);
    const read = (offset: number, length: number) => encoded.subarray(offset, offset + length);
    const whole = decodeLayerIndex(read).entries;
    const table = (await decodeTable(read, NO_LIMIT))!.entries();
    expect(table.length).toBe(7 - 1);
    for (let row = 0; row < table.length; row++) {
      for (const field of [
        ...(['kind', 'mode', 'uid', 'gid', 'size', 'mtimeSeconds', 'mtimeNanoseconds'] as const),
        ...(['deviceMajor', 'deviceMinor', 'dataOffset', 'storedSize', 'sparse', 'xattrs'] as const),
        ...(['pathStart', 'pathEnd', 'linkTarget'] as const),
      ])
        expect(table[field](row), `${field} of ${row}`).toEqual(whole[field](row));
    }
    expect(table.pathHeap).toEqual(whole.pathHeap);
  });

  it('is not read past a limit, nor from a damaged index', async () => {
    const { encoded } = await indexBlob(tar);
    const read = (offset: number, length: number) => encoded.subarray(offset, offset + length);
    expect(await decodeTable(read, 10)).toBeUndefined();
    const damaged = (offset: number, length: number) =>
      read(offset, length).map((byte) => (offset > 500 ? byte ^ 1 : byte));
    await expect(decodeTable(damaged, NO_LIMIT)).rejects.toThrow(/not as written/);
  });
});
