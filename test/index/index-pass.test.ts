import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SPAN_SIZE } from '#src/codec/gzip/gzip-scan.js';
import { type LayerIndex, MAX_WARNINGS } from '#src/index/layer-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { blockDigestsOf, noise, same } from '../blob/bytes.js';
import { run } from '../support/child.js';
import {
  type Bytes,
  dir,
  file,
  headerBlock,
  oldGnuSparse,
  symlink,
  tarOf,
  unterminated,
} from '../support/tar.js';
import { scanAll } from '../tar/scan-all.js';
import { blockDigests, indexBlob } from './built-layer.js';

/** What an index says of its entries, as the scanner said it. */
function entriesOf({ entries: table }: LayerIndex) {
  return Array.from({ length: table.length }, (_, row) => ({
    kind: table.kind(row),
    path: Buffer.from(table.pathHeap.subarray(table.pathStart(row), table.pathEnd(row))).toString('latin1'),
    linkTarget: Buffer.from(table.linkTarget(row)).toString('latin1'),
    mode: table.mode(row),
    uid: table.uid(row),
    gid: table.gid(row),
    size: table.size(row),
    storedSize: table.storedSize(row),
    dataOffset: table.dataOffset(row),
    mtime: [table.mtimeSeconds(row), table.mtimeNanoseconds(row)],
    device: [table.deviceMajor(row), table.deviceMinor(row)],
    xattrs: table.xattrs(row).map(({ name, value }) => [latin1(name), latin1(value)]),
    sparse: table.sparse(row) && [...table.sparse(row)!],
  }));
}

/** The oracle: the scanner over the plain tar. */
function scanned(tar: Uint8Array): ReturnType<typeof entriesOf> {
  return scanAll(tar).entries.map((entry) => ({
    kind: entry.kind,
    path: latin1(entry.path),
    linkTarget: latin1(entry.linkTarget),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    storedSize: entry.storedSize,
    dataOffset: entry.dataOffset,
    mtime: [entry.mtimeSeconds, entry.mtimeNanoseconds],
    device: [entry.deviceMajor, entry.deviceMinor],
    xattrs: entry.xattrs.map(({ name, value }) => [latin1(name), latin1(value)]),
    sparse: entry.sparse?.flatMap(({ offset, length }) => [offset, length]),
  }));
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

let work: string;
/** A tar by GNU tar, of all kinds of entries, several spans long. */
let gnu: Buffer;
/** What `tar -tv` lists of it, one line an entry. */
let listing: string[];

const TREE = `
  mkdir -p usr/bin usr/share/doc 'dir with space'
  head -c 1500000 /dev/zero | tr '\\0' x > usr/bin/large
  head -c 700000 ${process.execPath} > usr/bin/binary
  for i in $(seq 300); do echo "$i" > usr/share/doc/$i; done
  ln usr/bin/large usr/bin/linked; ln -s large usr/bin/soft; mkfifo pipe; mknod null c 1 3
  truncate -s 5M holes; printf tail >> holes
  touch 'dir with space/a b' empty`;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'layerslayer-pass-'));
  await run('bash', ['-euc', `mkdir tree; cd tree; ${TREE}`], { cwd: work });
  const how = ['--sparse', '--format=posix', '--numeric-owner', '-C', 'tree', '-cf', 'plain.tar', '.'];
  await run('tar', how, { cwd: work });
  gnu = readFileSync(join(work, 'plain.tar'));
  listing = (await run('tar', ['--numeric-owner', '-tvf', 'plain.tar'], { cwd: work })).stdout
    .trimEnd()
    .split('\n');
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('the index pass', () => {
  const packings: [string, (tar: Buffer) => Uint8Array][] = [
    ['plain', (tar) => tar],
    ['gzip', (tar) => gzipSync(tar)],
    ['stored gzip', (tar) => gzipSync(tar, { level: 0 })],
    [
      'gzip of many members',
      (tar) => {
        const ends = [1, 511, 1024, 1024, 700_001, tar.length];
        return Buffer.concat(ends.map((end, i) => gzipSync(tar.subarray(ends[i - 1] ?? 0, end))));
      },
    ],
  ];
  it.each(packings)('finds the entries that GNU tar put in: %s', async (name, pack) => {
    const blob = pack(gnu);
    const { index } = await indexBlob(blob);
    expect(index.codec).toBe(name === 'plain' ? 'plain' : 'gzip');
    expect([index.blobSize, index.tarSize]).toEqual([blob.length, gnu.length]);
    expect(same(blockDigests(index), blockDigestsOf(blob))).toBe(true);
    const entries = entriesOf(index);
    expect(entries).toEqual(scanned(gnu));
    const LETTERS = { file: '-', dir: 'd', symlink: 'l', hardlink: 'h', char: 'c', block: 'b', fifo: 'p' };
    expect(entries.map(({ kind, size, path }) => [LETTERS[kind], size, path])).toEqual(
      listing.map((line) => {
        const [, letter, size, path] =
          /^(.)\S+ +\S+ +(\d+|\d+,\d+) \S+ \S+ (.*?)(?: (?:->|link to) .*)?$/.exec(line)!;
        return [letter, letter === 'c' ? 0 : Number(size), path];
      }),
    );
    expect(index.warnings).toEqual([]);
  });

  it('makes a checkpoint about every span', async () => {
    const { checkpoints, tarSize } = (await indexBlob(gzipSync(gnu, { level: 1 }))).index;
    const places = [...checkpoints.outOffsets];
    expect(places[0]).toBe(0);
    const gaps = places.slice(1).map((place, i) => place - places[i]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(DEFAULT_SPAN_SIZE);
    expect(places.length).toBeGreaterThan(tarSize / DEFAULT_SPAN_SIZE / 3);
  });

  it.each([1, 100, 4096, 1_000_000])('takes chunks of %d bytes after the first', async (chunkLength) => {
    const blob = gzipSync(gnu.subarray(0, 300_000), { level: 1 });
    const whole = () => indexBlob(blob, { chunkLength: blob.length });
    // Cut in the middle of a file: what is wrong is told the same, however it came.
    const told = async (chunk: number) => {
      try {
        await indexBlob(blob, { chunkLength: Math.max(chunk, 6) });
        return 'nothing';
      } catch (error) {
        return (error as Error).message;
      }
    };
    await expect(whole).rejects.toThrow(await told(chunkLength));
    const small = gzipSync(tarOf(dir('d/'), file('d/f', 'content'), symlink('l', 'd/f')));
    const { index } = await indexBlob(small, { chunkLength: Math.max(chunkLength, 6) });
    expect(entriesOf(index)).toEqual(scanned(gunzipSync(small)));
  });

  it.each<[string, Uint8Array]>([
    ['an empty blob', new Uint8Array(0)],
    ['an empty tar', tarOf()],
    ['an empty tar in gzip', gzipSync(tarOf())],
    ['nothing in gzip', gzipSync('')],
  ])('takes %s for a layer without entries', async (_, blob) => {
    const { index } = await indexBlob(blob);
    expect(index.entries.length).toBe(0);
    expect(index.blobSize).toBe(blob.length);
    expect(blockDigests(index).length).toBe(blob.length === 0 ? 0 : 32);
  });

  it('counts in what follows the end of the archive', async () => {
    const tar = Buffer.concat([tarOf(file('a', 'a')), Buffer.alloc(9000), Buffer.from('trailing')]);
    for (const blob of [tar, gzipSync(tar)]) expect((await indexBlob(blob)).index.tarSize).toBe(tar.length);
  });

  const whole = tarOf(file('a', noise(5000)), file('b', 'b'));
  it.each<[string, () => Uint8Array, string]>([
    ['a tar cut in its content', () => whole.subarray(0, 3000), 'CORRUPT_LAYER'],
    [
      'a tar cut in a header',
      () => unterminated(file('a', 'a'), headerBlock({ name: 'b' })).subarray(0, 1300),
      'CORRUPT_LAYER',
    ],
    ['no tar', () => Buffer.from('<html>not a layer at all</html>'.repeat(40)), 'CORRUPT_LAYER'],
    ['no tar in gzip', () => gzipSync('<html>not a layer at all</html>'.repeat(40)), 'CORRUPT_LAYER'],
    ['one byte', () => Uint8Array.of(0x1f), 'CORRUPT_LAYER'],
    ['a gzip magic and no more', () => Uint8Array.of(0x1f, 0x8b), 'CORRUPT_LAYER'],
    ['gzip cut short', () => gzipSync(whole).subarray(0, 2000), 'CORRUPT_LAYER'],
    ['gzip without its trailer', () => gzipSync(whole).subarray(0, -8), 'CORRUPT_LAYER'],
    ['gzip with a flipped bit', () => flipped(gzipSync(whole), 3000), 'CORRUPT_LAYER'],
    ['gzip with a wrong CRC', () => flipped(gzipSync(whole), -8), 'CORRUPT_LAYER'],
    ['garbage after gzip', () => Buffer.concat([gzipSync(whole), Buffer.from('garbage')]), 'CORRUPT_LAYER'],
    ['zstd cut short', () => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4, 0, 9, 0), 'CORRUPT_LAYER'],
    ['xz', () => Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), 'UNSUPPORTED'],
  ])('refuses %s', async (_, blob, code) => {
    await expect(indexBlob(blob())).rejects.toThrow(expect.objectContaining({ code }));
  });

  it('keeps no more warnings than it may, and says how many there were', async () => {
    const unknown = (i: number) => file(`odd-${i}`, '', { header: { type: 'Y' } });
    const many = Array.from({ length: MAX_WARNINGS + 7 }, (_, i) => unknown(i));
    const { warnings } = (await indexBlob(tarOf(...many))).index;
    expect(warnings).toHaveLength(MAX_WARNINGS + 1);
    expect(warnings[0]).toContain('odd-0');
    expect(warnings.at(-1)).toBe('7 more warnings');
    const most = await indexBlob(tarOf(...many.slice(0, MAX_WARNINGS)));
    expect(most.index.warnings).toHaveLength(MAX_WARNINGS);
  });

  const pieces = Array.from({ length: 3 }, (_, i) => ({ offset: i * 1000, data: 'x' }));
  const xattr = (value: Bytes) => ({ xattrs: { 'user.a': value } });
  it.each([
    ['entries', 2, [file('a'), file('b')], [file('a'), file('b'), file('c')]],
    ['pathBytes', 8, [file('four'), file('four')], [file('four'), file('four5')]],
    ['linkBytes', 5, [symlink('a', '12345')], [symlink('a', '123456')]],
    [
      'attributeBytes',
      300,
      [file('a', '', xattr('v')), file('b', '', xattr('v'))],
      [file('a', '', xattr('v')), file('b', '', xattr('w'))],
    ],
    [
      'sparseSegments',
      4,
      [oldGnuSparse('a', 5000, pieces)],
      [oldGnuSparse('a', 5000, pieces), oldGnuSparse('b', 10, [])],
    ],
  ] as const)('stops at the limit of %s, and names it', async (limit, value, within, past) => {
    const limits = { ...LAYER_LIMITS, [limit]: value };
    expect((await indexBlob(tarOf(...within), { limits })).index.entries.length).toBe(within.length);
    await expect(indexBlob(tarOf(...past), { limits })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(`the limit of ${value}`),
    });
  });

  it('stops at the limit of state bytes', async () => {
    const blob = gzipSync(tarOf(file('noise', noise(1_500_000))), { level: 1 });
    await indexBlob(blob, { limits: { ...LAYER_LIMITS, stateBytes: 100 } }); // a byte or two each
    const text = Buffer.from(
      Array.from({ length: 150_000 }, (_, i) => `line ${(i * 7919) % 65_536}\n`).join(''),
    );
    const dense = gzipSync(tarOf(file('text', text)), { level: 9 });
    await expect(indexBlob(dense, { limits: { ...LAYER_LIMITS, stateBytes: 100 } })).rejects.toThrow(
      'the limit of 100',
    );
  });
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const place = at < 0 ? bytes.length + at : at;
  bytes[place]! ^= 0x10;
  return bytes;
}
