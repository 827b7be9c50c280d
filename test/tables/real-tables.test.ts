import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { indexBlob } from '../index/built-layer.js';
import { chunkBytes, chunkDigest, chunksOf, readSample, rowsOf, sample, sha256, stored } from './samples.js';

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
    expect(index.tarSize).toBe(2_640_896);
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
