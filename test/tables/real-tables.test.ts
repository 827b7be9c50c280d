import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { codecNamed } from '#src/codec/codecs.js';
import { indexBlob } from '../index/built-layer.js';
import {
  chunkBytes,
  chunkDigest,
  chunksOf,
  descriptorOf,
  readSample,
  rowsOf,
  sample,
  sha256,
  stored,
} from './samples.js';

interface JsonEntry {
  name: string;
  type: string;
  size?: number;
  mode?: number;
  uid?: number;
  gid?: number;
  modtime?: string;
  linkName?: string;
  devMajor?: number;
  devMinor?: number;
  xattrs?: Record<string, string>;
  offset?: number;
  endOffset?: number;
}

const KINDS: Record<string, string> = { reg: 'file' };

/** What rows must have, by the JSON of the table. */
function wantedRows(entries: readonly JsonEntry[]) {
  return entries
    .filter(({ type }) => type !== 'chunk')
    .map((entry) => {
      const [whole, fraction = ''] = (entry.modtime ?? '1970-01-01T00:00:00Z').replace('Z', '').split('.');
      return {
        kind: KINDS[entry.type] ?? entry.type,
        path: Buffer.from(entry.name).toString('latin1'),
        link: Buffer.from(entry.linkName ?? '').toString('latin1'),
        mode: entry.mode ?? 0,
        owner: [entry.uid ?? 0, entry.gid ?? 0],
        size: entry.size ?? 0,
        time: [Date.parse(`${whole}Z`) / 1000, Number(fraction.padEnd(9, '0'))],
        device: [entry.devMajor ?? 0, entry.devMinor ?? 0],
        xattrs: Object.entries(entry.xattrs ?? {})
          .map(([name, value]) => `${name}=${Buffer.from(value, 'base64').toString('latin1')}`)
          .sort(),
      };
    });
}

/** The JSON of an eStargz's table, by node:zlib. */
function estargzJson(name: string): { entries: JsonEntry[] } {
  const tar = gunzipSync(sample(name).subarray(0, -51));
  const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
  return JSON.parse(tar.toString('utf8', 512, 512 + size));
}

describe('a real eStargz', () => {
  it('has the rows and chunks of its table, and the table itself as the last row', async () => {
    const read = await readSample('estargz-inner-1.end');
    const index = stored(read);
    const { entries } = estargzJson('estargz-inner-1.end');
    const rows = rowsOf(index);
    expect(rows.slice(0, -1)).toEqual(wantedRows(entries));
    expect(rows.at(-1)).toMatchObject({ kind: 'file', path: 'stargz.index.json', mode: 0, time: [0, 0] });
    expect(rows.find(({ path }) => path === './usr/bin/su')).toMatchObject({ mode: 0o4755 });
    expect(rows.flatMap(({ xattrs }) => xattrs)).toContain('user.odd=a=b\nc');
    expect(chunksOf(index).length).toBe(entries.filter(({ offset }) => offset !== undefined).length + 1);
    expect({ exact: read.isExact, codec: index.codec, warnings: index.warnings }).toEqual({
      exact: true,
      codec: 'gzip',
      warnings: [],
    });
  });

  it('has the entries of its tar, but for times, which are rounded to seconds', async () => {
    const blob = sample('estargz-inner-2');
    const index = stored(await readSample('estargz-inner-2'));
    const { index: own } = await indexBlob(blob);
    const rounded = rowsOf(own).map((row) => {
      const [seconds, nanoseconds] = row.time;
      return { ...row, time: [seconds + (nanoseconds >= 500_000_000 ? 1 : 0), 0] };
    });
    expect(rowsOf(index)).toEqual(rounded);
  });

  it('has chunks whose bytes have their digests', async () => {
    const blob = sample('estargz-inner-2');
    const chunks = chunksOf(stored(await readSample('estargz-inner-2')));
    expect(chunks.innerOffsets.some((offset) => offset > 0)).toBe(true);
    for (let i = 0; i < chunks.length; i++) {
      expect(sha256(chunkBytes('gzip', blob, chunks, i)), `chunk ${i}`).toBe(chunkDigest(chunks, i));
    }
  });
});

/** The JSON of a table of zstd:chunked, decoded where its annotation says. */
function chunkedJson(name: string): { entries: JsonEntry[] } {
  const { size, annotations } = descriptorOf(name);
  const [, position] = Object.entries(annotations!).find(([key]) => key.endsWith('manifest-position'))!;
  const [offset, length, textSize] = position.split(':').map(Number) as [number, number, number];
  const bytes = sample(name);
  const from = bytes.length - (size - offset);
  const cursor = codecNamed('zstd').cursor();
  cursor.seek({ inOffset: 0, outOffset: 0, state: new Uint8Array(0) });
  cursor.push(bytes.subarray(from, from + length), true);
  const text = Buffer.alloc(textSize);
  for (let done = 0; done < textSize; ) done += cursor.read(text.subarray(done));
  return JSON.parse(text.toString());
}

describe('a real layer of zstd:chunked', () => {
  it.each(['zstdchunked-old-1.end', 'zstdchunked-debian-1.end'])(
    '%s has the rows of its table',
    async (name) => {
      const read = await readSample(name);
      const index = stored(read);
      expect(rowsOf(index)).toEqual(wantedRows(chunkedJson(name).entries));
      expect({ exact: read.isExact, codec: index.codec, warnings: index.warnings }).toEqual({
        exact: true,
        codec: 'zstd',
        warnings: [],
      });
    },
  );

  it('has the rows of its table by its tar-split', async () => {
    const index = stored(await readSample('zstdchunked-new-1.end'));
    expect(rowsOf(index)).toEqual(wantedRows(chunkedJson('zstdchunked-new-1.end').entries));
    const chunks = chunksOf(index);
    expect([chunks.length, chunks.inEnds.filter((end) => end === 0).length]).toEqual([49, 3]);
    const sizes = Array.from({ length: index.entries.length }, (_, row) => index.entries.size(row));
    expect(chunks.sizes.reduce((sum, size) => sum + size)).toBe(sizes.reduce((sum, size) => sum + size));
  });

  it('has a name that is not UTF-8 by its tar-split', async () => {
    const read = await readSample('zstdchunked-rawname-1.end');
    const paths = rowsOf(stored(read)).map(({ path }) => path);
    expect(paths).toContain('./var/latin-\xe9\xff.txt');
    const { entries } = chunkedJson('zstdchunked-rawname-1.end');
    expect(entries.map(({ name }) => name)).toContain('./var/latin-\ufffd\ufffd.txt');
    expect(read.isExact).toBe(true);
  });

  it('has the entries of its tar, and chunks whose bytes have their digests', async () => {
    const blob = sample('zstdchunked-new-2');
    const index = stored(await readSample('zstdchunked-new-2'));
    const { index: own } = await indexBlob(blob);
    expect(rowsOf(index)).toEqual(rowsOf(own));
    const chunks = chunksOf(index);
    const starts = new Set(chunks.outOffsets);
    for (let row = 0; row < own.entries.length; row++) {
      if (index.entries.size(row) > 0) expect(starts).toContain(index.entries.dataOffset(row));
    }
    for (let i = 0; i < chunks.length; i++) {
      expect(sha256(chunkBytes('zstd', blob, chunks, i)), `chunk ${i}`).toBe(chunkDigest(chunks, i));
    }
  });
});
