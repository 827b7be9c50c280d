import { deflateRawSync, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecNamed } from '#src/codec/codecs.js';
import { readCheckpoint } from '#src/index/states/checkpoints.js';
import { type Digest, digestOf } from '#src/oci/digest.js';
import { readZtoc, type TableRead, zTocOf } from '#src/tables/table.js';
import { indexBlob } from '../index/built-layer.js';
import { type FlatValue, flatBuffer } from './flat-buffers.js';
import { descriptorOf, rowOf, rowsOf, sample, sha256, stored } from './samples.js';

const LAYER = digestOf(Buffer.from('layer'));
const BLOB_SIZE = 50_000;

const text = (value: string): FlatValue => ({ bytes: Buffer.from(value, 'latin1') });
const long = (value: number): FlatValue => ({ long: BigInt(value) });

interface Entry {
  name?: string;
  type?: string;
  offset?: number;
  size?: number;
  link?: string;
  mode?: number;
  uid?: number;
  time?: string;
  device?: [number, number];
  records?: Record<string, string>;
  list?: FlatValue; // of records, instead of `records`
}

function metadata(entry: Entry): FlatValue {
  const { name = 'a', type = 'reg', offset = 512, size = 0, link = '', mode = 0o644, uid = 0 } = entry;
  const { time = '2023-11-14T22:13:20Z', device = [0, 0], records = {} } = entry;
  const xattrs = Object.entries(records).map(([key, value]) => ({ table: [text(key), text(value)] }));
  const names = [text(name), text(type), long(offset), long(size), text(link), long(mode)];
  const owner: FlatValue[] = [{ uint: uid }, { uint: 0 }, text('root'), text('root')];
  return {
    table: [
      ...names,
      ...owner,
      text(time),
      long(device[0]),
      long(device[1]),
      entry.list ? { last: entry.list } : { list: xattrs },
    ],
  };
}

interface Checkpoint {
  inOffset: number;
  outOffset: number;
  bits?: number;
}

function packed(checkpoints: readonly Checkpoint[], count = checkpoints.length): Buffer {
  const bytes = Buffer.alloc(12 + checkpoints.length * 32_785);
  bytes.writeInt32LE(count, 0);
  for (const [i, { inOffset, outOffset, bits = 0 }] of checkpoints.entries()) {
    const at = 12 + i * 32_785;
    bytes.writeBigInt64LE(BigInt(inOffset), at);
    bytes.writeBigInt64LE(BigInt(outOffset), at + 8);
    bytes.writeUInt8(bits, at + 16);
    bytes.fill(i + 1, at + 17, at + 32_785);
  }
  return bytes;
}

interface Ztoc {
  version?: string;
  size?: number;
  entries?: readonly Entry[];
  checkpoints?: readonly Checkpoint[];
  packed?: Buffer;
  algorithm?: number;
  spans?: number;
  digests?: readonly string[];
}

const START = { inOffset: 10, outOffset: 0 };

function ztoc(options: Ztoc = {}): Buffer {
  const { version = '0.9', size = BLOB_SIZE, entries = [], checkpoints = [START], algorithm } = options;
  const { spans = checkpoints.length } = options;
  const { digests = Array.from({ length: spans }, (_, i) => digestOf(Buffer.of(i))) } = options;
  const info: FlatValue = {
    table: [
      algorithm === undefined ? undefined : { byte: algorithm },
      { uint: spans - 1 },
      { list: digests.map(text) },
      { bytes: options.packed ?? packed(checkpoints) },
    ],
  };
  const toc = { table: [{ list: entries.map(metadata) }] };
  return flatBuffer({ table: [text(version), text('a test'), long(size), long(2000), toc, info] });
}

const read = (bytes: Uint8Array): Promise<TableRead> =>
  readZtoc(bytes, { digest: LAYER, blobSize: BLOB_SIZE });

describe('a real zTOC', () => {
  const blob = sample('soci-2');
  const real = gunzipSync(sample('soci-2.ztoc.gz'));
  const { digest, size: blobSize } = descriptorOf('soci-2');

  it('is found by the digest of its layer', () => {
    const manifest = sample('soci-index.json');
    expect(zTocOf(manifest, digest)).toMatchObject({ digest: digestOf(real), size: real.length });
    expect(zTocOf(manifest, LAYER)).toBeUndefined();
    expect(zTocOf(Buffer.from('{}'), LAYER)).toBeUndefined();
    expect(() => zTocOf(Buffer.from('[]'), LAYER)).toThrow(/not a JSON object/);
  });

  it('has the entries of the tar, each at its offset', async () => {
    const made = await readZtoc(real, { digest, blobSize });
    const index = stored(made);
    const { index: own } = await indexBlob(blob);
    expect(rowsOf(index)).toEqual(rowsOf(own));
    for (let row = 0; row < own.entries.length; row++) {
      expect(index.entries.dataOffset(row)).toBe(own.entries.dataOffset(row));
    }
    expect(made.isExact).toBe(true);
    expect(index).toMatchObject({ digest, blobSize, codec: 'gzip', warnings: [] });
  });

  it('has checkpoints that resume, and the digest of each span', async () => {
    const index = stored(await readZtoc(real, { digest, blobSize }));
    const { bytes } = (await readZtoc(real, { digest, blobSize })).index;
    const memory = new SharedArrayBuffer(index.states.length);
    new Uint8Array(memory).set(bytes.subarray(index.states.offset));
    const tar = gunzipSync(blob);
    const { checkpoints, verification } = index;
    if (verification.kind !== 'spans') throw new Error(verification.kind);
    expect(checkpoints.length).toBe(2);
    for (let i = 0; i < checkpoints.length; i++) {
      const checkpoint = readCheckpoint(checkpoints, { memory }, i);
      const cursor = codecNamed('gzip').cursor();
      cursor.seek(checkpoint);
      const inEnd = checkpoints.inOffsets[i + 1] ?? blob.length;
      const outEnd = checkpoints.outOffsets[i + 1] ?? tar.length;
      const span = blob.subarray(cursor.inputOffset, inEnd);
      expect(Buffer.from(verification.digests.subarray(32 * i, 32 * i + 32)).toString('hex')).toBe(
        sha256(span),
      );
      cursor.push(blob.subarray(cursor.inputOffset), true);
      const output = Buffer.alloc(outEnd - checkpoint.outOffset);
      for (let done = 0; done < output.length; ) done += cursor.read(output.subarray(done));
      expect(output.equals(tar.subarray(checkpoint.outOffset, outEnd))).toBe(true);
    }
  });

  it('is read, or refused with a code, whatever bytes of it change or are missing', async () => {
    const change = fc.record({ at: fc.nat(4200), bit: fc.nat(7), fromEnd: fc.boolean() });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(real.length),
        async (changes, cut) => {
          const changed = Buffer.from(real);
          for (const { at, bit, fromEnd } of changes)
            changed[fromEnd ? changed.length - 1 - at : at]! ^= 1 << bit;
          for (const bytes of [changed, real.subarray(0, cut)]) {
            const error = await readZtoc(bytes, { digest, blobSize }).then(
              () => undefined,
              (reason: unknown) => reason,
            );
            if (error === undefined) continue;
            refused++;
            expect(error).toMatchObject({ code: expect.stringMatching(/^(CORRUPT_LAYER|UNSUPPORTED)$/) });
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});

describe('a zTOC', () => {
  it('has entries of all kinds, with what their PAX headers had', async () => {
    const entries: Entry[] = [
      { name: './', type: 'dir', mode: 0o40_755 },
      {
        name: 'caf\xe9',
        offset: 1024,
        size: 5,
        records: { mtime: '1700000000.25', 'SCHILY.xattr.user.a': '\0\xff' },
      },
      { name: 'l', type: 'symlink', offset: 2048, size: 9, link: 't\xff' },
      {
        name: 'h',
        type: 'hardlink',
        offset: 2560,
        link: 'caf\xe9',
        records: { uid: '4294967296', 'SCHILY.xattr.b': '' },
      },
      { name: 'c', type: 'char', offset: 3072, device: [1, 3], uid: 2 ** 32 - 1 },
      { name: 'f', type: 'fifo', offset: 3584, device: [7, 7], time: '0001-01-01T00:00:00Z' },
    ];
    const index = stored(await read(ztoc({ entries })));
    const plain = {
      link: '',
      mode: 0o644,
      owner: [0, 0],
      size: 0,
      time: [1_700_000_000, 0],
      device: [0, 0],
      xattrs: [],
    };
    expect(rowsOf(index)).toEqual([
      { ...plain, kind: 'dir', path: './', mode: 0o755 },
      {
        ...plain,
        kind: 'file',
        path: 'caf\xe9',
        size: 5,
        time: [1_700_000_000, 250_000_000],
        xattrs: ['user.a=\0\xff'],
      },
      { ...plain, kind: 'symlink', path: 'l', link: 't\xff' },
      { ...plain, kind: 'hardlink', path: 'h', link: 'caf\xe9', owner: [65534, 0] },
      { ...plain, kind: 'char', path: 'c', device: [1, 3], owner: [65534, 0] },
      { ...plain, kind: 'fifo', path: 'f', time: [0, 0] },
    ]);
    expect(index.warnings).toHaveLength(2);
    expect(index.tarSize).toBe(3584);
  });

  it('leaves out an entry that Linux cannot show', async () => {
    const entries = [
      { name: 'n'.repeat(300), size: 600 },
      { name: 'b', offset: 2048 },
    ];
    const index = stored(await read(ztoc({ entries })));
    expect(rowsOf(index)).toMatchObject([{ path: 'b' }]);
    expect(index.warnings).toEqual([expect.stringMatching(/skipped: its path has a component of 300 bytes/)]);
  });

  it('may lack the first checkpoint, as older ones do', async () => {
    const second = { inOffset: 900, outOffset: 40_000, bits: 3 };
    const old = ztoc({ packed: packed([second], 2), spans: 2 });
    const { checkpoints } = stored(await read(old));
    expect([...checkpoints.inOffsets, ...checkpoints.outOffsets]).toEqual([10, 900, 0, 40_000]);
    expect([...checkpoints.stateStarts]).toEqual([0, 1, 1 + 1 + 32_768]);
  });

  it('has as much window as there is output before a checkpoint', async () => {
    const window = Buffer.alloc(100, 2);
    const stream = deflateRawSync(Buffer.alloc(100, 2), { dictionary: window, level: 9 });
    const made = await read(ztoc({ checkpoints: [START, { inOffset: 20, outOffset: 100 }] }));
    const { checkpoints, states } = stored(made);
    const memory = new SharedArrayBuffer(states.length);
    new Uint8Array(memory).set(made.index.bytes.subarray(states.offset));
    const checkpoint = readCheckpoint(checkpoints, { memory }, 1);
    expect(checkpoint.state).toHaveLength(101);
    const cursor = codecNamed('gzip').cursor();
    cursor.seek(checkpoint);
    cursor.push(Buffer.concat([stream, Buffer.alloc(8)]), true);
    const output = Buffer.alloc(100);
    expect(cursor.read(output)).toBe(100);
    expect(output.equals(window)).toBe(true);
  });

  const huge = 2 ** 53 - 1;
  it.each<[string, Ztoc | Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1000)],
    ['an offset past its end', Buffer.from('ff00000000000000', 'hex')],
    ['another version', { version: '1.0' }],
    ['another size of the layer', { size: BLOB_SIZE + 1 }],
    ['a compression that is not gzip', { algorithm: 3 }],
    ['another type', { entries: [{ type: 'chunk' }] }],
    ['a sparse file', { entries: [{ records: { 'GNU.sparse.major': '1' } }] }],
    ['a negative size', { entries: [{ size: -1 }] }],
    ['a negative offset', { entries: [{ offset: -512 }] }],
    ['an offset inside a block', { entries: [{ offset: 513 }] }],
    ['no room for a header', { entries: [{ offset: 0 }] }],
    ['descending offsets', { entries: [{ offset: 1024 }, { offset: 512 }] }],
    ['overlapping contents', { entries: [{ size: 600 }, { offset: 1536 }] }],
    ['a size past 2^53', { entries: [{ size: huge }] }],
    ['a time that is none', { entries: [{ time: 'now' }] }],
    ['a PAX time that is none', { entries: [{ records: { mtime: 'now' } }] }],
    ['an owner that is none', { entries: [{ records: { uid: 'root' } }] }],
    ['a device past 32 bits', { entries: [{ type: 'block', device: [0, 2 ** 32] }] }],
    ['no checkpoints', { packed: packed([]), spans: 1 }],
    ['checkpoints cut short', { packed: packed([START]).subarray(0, 32_000) }],
    ['too many checkpoints', { packed: packed([START], 2 ** 31 - 1) }],
    ['checkpoints of other spans', { spans: 2 }],
    ['descending inOffsets', { checkpoints: [START, { inOffset: 9, outOffset: 5 }] }],
    ['descending outOffsets', { checkpoints: [START, { inOffset: 11, outOffset: 0 }] }],
    ['a checkpoint past the layer', { checkpoints: [START, { inOffset: BLOB_SIZE + 1, outOffset: 5 }] }],
    ['a checkpoint past 2^53', { checkpoints: [START, { inOffset: 11, outOffset: 2 ** 53 }] }],
    ['8 bits', { checkpoints: [START, { inOffset: 11, outOffset: 5, bits: 8 }] }],
    ['a first checkpoint inside the tar', { checkpoints: [{ inOffset: 10, outOffset: 1 }] }],
    ['a negative checkpoint', { checkpoints: [{ inOffset: -1, outOffset: 0 }] }],
    ['too few digests', { digests: [] }],
    ['too many digests', { digests: [LAYER, LAYER] }],
    ['a digest that is none', { digests: ['sha256:00'] }],
    ['a digest of another algorithm', { digests: [`sha512:${'0'.repeat(128)}` as Digest] }],
  ])('is refused with %s', async (_, options) => {
    await expect(read(Buffer.isBuffer(options) ? options : ztoc(options))).rejects.toMatchObject({
      code: expect.stringMatching(/^(CORRUPT_LAYER|UNSUPPORTED)$/),
    });
  });

  it('is refused with one entry a million times, within its budget', async () => {
    const one = ztoc({ entries: [{ name: 'a', size: 0 }] });
    const allowance = { layer: 1_000_000, image: 2 ** 40, used: new SharedArrayBuffer(4) };
    await expect(readZtoc(one, { digest: LAYER, blobSize: BLOB_SIZE, allowance })).resolves.toBeDefined();
    const names = Array.from({ length: 20_000 }, (_, i) => ({ name: 'a'.repeat(20), offset: 512 * (i + 1) }));
    await expect(
      readZtoc(ztoc({ entries: names }), { digest: LAYER, blobSize: BLOB_SIZE, allowance }),
    ).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    expect(new Int32Array(allowance.used)[0]).toBe(0);
  });

  it('is refused where a thousand entries share one list of a thousand records', async () => {
    const record = { table: [text('k'), text('v')] };
    const list = { list: Array.from({ length: 1000 }, () => record) };
    const entries = Array.from({ length: 1000 }, (_, i) => ({ offset: 512 * (i + 1), list }));
    await expect(read(ztoc({ entries: entries.slice(0, 2) }))).resolves.toBeDefined();
    await expect(read(ztoc({ entries }))).rejects.toThrow(/referred to more than 4 times/);
  });

  it('shows the rows that it lists', async () => {
    const index = stored(await read(ztoc({ entries: [{ name: 'a', size: 3 }] })));
    expect(rowOf(index, 0)).toMatchObject({ path: 'a', size: 3, mode: 0o644 });
  });
});
