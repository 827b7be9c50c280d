import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerIndexBuilder } from '#src/index/pass/layer-index-builder.js';
import { digestOf } from '#src/oci/digest.js';
import { TarSplit } from '#src/tables/tar-split.js';
import { TarScanner } from '#src/tar/tar-scanner.js';
import { dir, file, hardlink, oldGnuSparse, symlink, tarOf } from '../support/tar.js';
import { rowOf } from './samples.js';
import { splitOf } from './tar-splits.js';

const LAYER = digestOf(Buffer.from('layer'));

/** Rows of a tar by a scan of all of it. */
function scanned(tar: Buffer): LayerIndexBuilder {
  const builder = new LayerIndexBuilder(LAYER);
  const scanner = new TarScanner({ onEntry: (entry) => builder.addEntry(entry), onWarning: () => {} });
  scanner.push(tar, 0, tar.length);
  return builder;
}

/** @param table the entries that the table has, as a tar; default: those of the tar-split */
function read(lines: readonly string[], table: Buffer, pieceLength = 1000) {
  const builder = new LayerIndexBuilder(LAYER);
  const split = new TarSplit(scanned(table).entriesSoFar(), builder);
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  for (let at = 0; at < bytes.length; at += pieceLength) split.push(bytes.subarray(at, at + pieceLength));
  const isRead = split.finish();
  return { isRead, entries: builder.entriesSoFar() };
}

const tar = tarOf(
  dir('./'),
  file('./a', 'x'.repeat(700), { mtime: '1700000000.123456789', xattrs: { 'user.a': 'b' } }),
  symlink('./link', 'a'),
  file('./empty'),
  file(`./${'long/'.repeat(40)}b`, 'y'.repeat(512)),
  hardlink('./c', './a'),
);

describe('a tar-split', () => {
  it('has every field of the tar, in pieces of any length', () => {
    const own = scanned(tar).entriesSoFar();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (length) => {
        const { isRead, entries } = read(splitOf(tar), tar, length);
        expect(isRead).toBe(true);
        expect(entries.length).toBe(6);
        for (let row = 0; row < own.length; row++) {
          expect(rowOf({ entries }, row)).toEqual(rowOf({ entries: own }, row));
          expect(entries.dataOffset(row)).toBe(own.dataOffset(row));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('may name what is not UTF-8: the table has U+FFFD there', () => {
    const raw = tarOf(
      file(Buffer.from('caf\xe9\xff/\xe2\x82', 'latin1'), 'x'),
      symlink('l', Buffer.of(0xff)),
    );
    const lost = tarOf(file('caf\ufffd\ufffd/\ufffd\ufffd', 'x'), symlink('l', '\ufffd'));
    expect(rowOf(read(splitOf(raw), lost), 0)).toMatchObject({ path: 'caf\xe9\xff/\xe2\x82' });
  });

  it.each([
    ['sparse files', tarOf(file('a', 'x'), oldGnuSparse('b', 5000, [{ offset: 1024, data: 'y' }]))],
    ['a record of sparse files', tarOf(file('a', 'x', { pax: { 'GNU.sparse.size': '4' } }))],
  ])('does not count with %s', (_, sparse) => {
    expect(read(splitOf(sparse), sparse).isRead).toBe(false);
  });

  const other = (change: (lines: string[]) => string[]) => () => read(change(splitOf(tar)), tar);
  it.each<[string, () => unknown]>([
    ['another name', () => read(splitOf(tarOf(file('a', 'x'))), tarOf(file('b', 'x')))],
    ['another size', () => read(splitOf(tarOf(file('a', 'x'))), tarOf(file('a', 'xy')))],
    ['another kind', () => read(splitOf(tarOf(file('a'))), tarOf(dir('a')))],
    ['another link target', () => read(splitOf(tarOf(symlink('a', 'x'))), tarOf(symlink('a', 'y')))],
    ['more entries', () => read(splitOf(tarOf(file('a'), file('b'))), tarOf(file('a')))],
    ['fewer entries', () => read(splitOf(tarOf(file('a'))), tarOf(file('a'), file('b')))],
    [
      'a file of another size than its header',
      other((lines) => lines.map((line) => line.replace('"size":700', '"size":699'))),
    ],
    [
      'a file longer than its header',
      other((lines) => lines.map((line) => line.replace('"size":700', '"size":1300'))),
    ],
    ['a negative size', other((lines) => lines.map((line) => line.replace('"size":700', '"size":-700')))],
    ['content where a header is due', other((lines) => ['{"type":1,"size":512}', ...lines])],
    ['a line left out', other((lines) => lines.toSpliced(2, 1))],
    ['a cut end', other((lines) => lines.slice(0, 4))],
    ['another type of line', other((lines) => ['{"type":3}', ...lines])],
    ['a segment without bytes', other((lines) => ['{"type":2}', ...lines])],
    ['a line that is no JSON', other((lines) => [...lines, '{"type":'])],
    ['a line that is no object', other((lines) => [...lines, '7'])],
    [
      'a line beyond the limit',
      other((lines) => [...lines, `{"type":2,"payload":"${'A'.repeat(5_000_000)}"}`]),
    ],
  ])('is refused with %s', (_, refused) => {
    expect(refused).toThrow(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
  });
});
