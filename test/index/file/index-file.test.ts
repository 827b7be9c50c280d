import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { BLOCK_SIZE } from '#src/blob/page.js';
import type { Codec } from '#src/codec/codec.js';
import { gzip } from '#src/codec/gzip/gzip-codec.js';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { encodeLayerIndex } from '#src/index/file/encode-index.js';
import { decodeNames } from '#src/index/file/encoded-table.js';
import { checkLayerIndex } from '#src/index/file/foreign-index.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import { EntryColumnsBuilder } from '#src/index/pass/entry-columns-builder.js';
import { checkpointBefore, fetchCheckpoint, readCheckpoint } from '#src/index/states/checkpoints.js';
import { detachableStates, withoutStates } from '#src/index/states/detached-states.js';
import type { Digest } from '#src/oci/digest.js';
import type { TarEntry } from '#src/tar/entry.js';

const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest;

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const entries: fc.Arbitrary<TarEntry> = fc.record({
  kind: fc.constantFrom('file', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo'),
  path: bytes(40),
  linkTarget: bytes(10),
  mode: fc.nat(0o7777),
  uid: fc.constantFrom(0, 1000, 2 ** 32 - 2),
  gid: fc.constantFrom(0, 65534),
  size: fc.oneof(fc.nat(100_000), fc.constant(2 ** 52)),
  mtimeSeconds: fc.integer({ min: -5_000_000_000, max: 90_000_000_000 }),
  mtimeNanoseconds: fc.nat(999_999_999),
  deviceMajor: fc.nat(255),
  deviceMinor: fc.nat(3),
  xattrs: fc.array(fc.record({ name: bytes(8), value: bytes(20) }), { maxLength: 2 }),
  dataOffset: fc.nat(1_000_000).map((block) => block * 512),
  storedSize: fc.nat(1000),
  sparse: fc.option(fc.array(fc.record({ offset: fc.nat(5000), length: fc.nat(500) }), { maxLength: 4 }), {
    nil: undefined,
  }),
});
const checkpoints = fc.array(fc.record({ gap: fc.nat(3_000_000), state: bytes(300) }), { maxLength: 20 });

type Marks = readonly { gap: number; state: Uint8Array }[];

/** An index whose states are deflated in groups of another size. */
async function buildGroups(statesPerGroup: number, marks: Marks, groupDigests?: Uint8Array) {
  const { index: whole, states } = await build([], marks, { statesPerGroup });
  const checkpoints = { ...whole.checkpoints, ...(groupDigests && { groupDigests }) };
  const index = { ...whole, checkpoints };
  return { index, states, encoded: await encodeLayerIndex(index, states) };
}

async function build(rows: readonly TarEntry[], marks: Marks, codec: Pick<Codec, 'statesPerGroup'> = gzip) {
  const columns = new EntryColumnsBuilder(LAYER_LIMITS);
  for (const row of rows) columns.add(row);
  const builder = new CheckpointBuilder(codec, LAYER_LIMITS.stateBytes);
  let at = 0;
  for (const { gap, state } of marks) {
    at += gap;
    builder.add({ inOffset: at, outOffset: at * 3, state });
  }
  const { checkpoints, states } = await builder.finish();
  const index: Omit<LayerIndex, 'states' | 'fingerprint'> = {
    digest: DIGEST,
    codec: 'gzip',
    blobSize: 12_345,
    tarSize: 67_890,
    entries: columns.finish(),
    checkpoints,
    verification: { kind: 'blocks', blockSize: 65_536, digests: new Uint8Array(64).fill(9) },
    warnings: ['an entry was skipped'],
  };
  return { index, states, encoded: await encodeLayerIndex(index, states) };
}

const readerOf = (encoded: Uint8Array) => (offset: number, length: number) => {
  if (offset + length > encoded.length) throw new LayerslayerError('CORRUPT_LAYER', 'past the end');
  return encoded.subarray(offset, offset + length);
};

/** All that an EntryTable says of a row. */
function rowOf(index: Pick<LayerIndex, 'entries'>, row: number) {
  const table = index.entries;
  return {
    kind: table.kind(row),
    path: [...table.pathHeap.subarray(table.pathStart(row), table.pathEnd(row))],
    link: [...table.linkTarget(row)],
    numbers: [
      table.mode(row),
      table.uid(row),
      table.gid(row),
      table.size(row),
      table.mtimeSeconds(row),
      table.mtimeNanoseconds(row),
      table.deviceMajor(row),
      table.deviceMinor(row),
      table.dataOffset(row),
      table.storedSize(row),
    ],
    xattrs: table.xattrs(row).map(({ name, value }) => [[...name], [...value]]),
    sparse: table.sparse(row) && [...table.sparse(row)!],
  };
}

describe('the layer index on disk', () => {
  it('gives back each entry and checkpoint', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entries, { maxLength: 30 }), checkpoints, async (rows, marks) => {
        const { index, states, encoded } = await build(rows, marks);
        const decoded = decodeLayerIndex(readerOf(encoded));
        expect(decoded.entries.length).toBe(rows.length);
        for (const [row, entry] of rows.entries()) {
          expect(rowOf(decoded, row)).toEqual(rowOf(index, row));
          expect(rowOf(decoded, row).path).toEqual([...entry.path]);
          expect(decoded.entries.dataOffset(row)).toBe(entry.dataOffset);
          expect(decoded.entries.size(row)).toBe(entry.size);
        }
        expect(decoded.checkpoints).toEqual(index.checkpoints);
        const { offset, length } = decoded.states;
        expect([...encoded.subarray(offset, offset + length)]).toEqual([...states]);
        expect({ ...decoded, entries: 0, checkpoints: 0, states: 0 }).toEqual({
          ...index,
          fingerprint: Buffer.from(encoded).readUInt32LE(124),
          entries: 0,
          checkpoints: 0,
          states: 0,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('has its names alone, as all its columns have them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entries, { maxLength: 30 }), async (rows) => {
        const { encoded } = await build(rows, []);
        const table = decodeLayerIndex(readerOf(encoded)).entries;
        const { names, digest, size } = decodeNames(readerOf(encoded), 2 ** 20)!;
        expect([digest, names.length]).toEqual([DIGEST, rows.length]);
        expect(Buffer.compare(names.pathHeap, table.pathHeap)).toBe(0);
        for (let row = 0; row < rows.length; row++) {
          expect(names.kind(row)).toBe(table.kind(row));
          expect([names.pathStart(row), names.pathEnd(row)]).toEqual([
            table.pathStart(row),
            table.pathEnd(row),
          ]);
          expect([...names.linkTarget(row)]).toEqual([...table.linkTarget(row)]);
        }
        if (rows.length > 0) expect(decodeNames(readerOf(encoded), size - 1)).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  it('notices any flipped bit and any cut before the states', async () => {
    const { encoded } = await build(...sample());
    const statesStart = decodeLayerIndex(readerOf(encoded)).states.offset;
    const corrupt = expect.objectContaining({ code: 'CORRUPT_LAYER' });
    for (let at = 0; at < statesStart; at++) {
      const damaged = encoded.slice();
      damaged[at]! ^= 1 << (at % 8);
      expect(() => decodeLayerIndex(readerOf(damaged)), `bit in byte ${at}`).toThrow(corrupt);
      if (at % 7 === 0)
        expect(() => decodeLayerIndex(readerOf(encoded.slice(0, at))), `cut at ${at}`).toThrow(corrupt);
    }
  });

  it('has right states or none, wherever a bit of them is flipped', async () => {
    const [rows, marks] = sample();
    const { encoded } = await build(rows, marks);
    const { states, checkpoints } = decodeLayerIndex(readerOf(encoded));
    let missing = 0;
    for (let at = states.offset; at < encoded.length; at += 11) {
      const damaged = encoded.slice();
      damaged[at]! ^= 1 << (at % 8);
      const memory = new SharedArrayBuffer(states.length);
      new Uint8Array(memory).set(damaged.subarray(states.offset));
      for (const [i, { state }] of marks.entries()) {
        let read: Uint8Array | undefined;
        try {
          read = readCheckpoint(checkpoints, { memory }, i).state;
        } catch {
          missing++;
        }
        if (read) expect([...read]).toEqual([...state]);
      }
    }
    expect(missing).toBeGreaterThan(0);
  });

  it.each<[string, number, number, boolean]>([
    ['skips a section that it does not know', 4000, 0, true],
    ['skips a deflated one', 4000, 2, true],
    ['refuses one that must be understood', 4000, 1, false],
  ])('%s', async (_, id, flags, isRead) => {
    const { encoded, index } = await build(...sample());
    const extended = withSection(encoded, id, flags, Buffer.from('from the future'));
    const decode = () => decodeLayerIndex(readerOf(extended));
    if (isRead) expect(rowOf(decode(), 3)).toEqual(rowOf(index, 3));
    else expect(decode).toThrow(/section 4000/);
  });

  it.each([2, 4])('refuses version %d, whatever else is right', async (version) => {
    const { encoded } = await build([], []);
    const other = Buffer.from(encoded);
    other.writeUInt32LE(version, 8);
    writeCrc(other);
    expect(() => decodeLayerIndex(readerOf(other))).toThrow(/version/);
  });

  it('refuses other kinds of verification', async () => {
    const { encoded } = await build([], []);
    const other = Buffer.from(encoded);
    other.write('\x04', 48, 'latin1');
    writeCrc(other);
    expect(() => decodeLayerIndex(readerOf(other))).toThrow(LayerslayerError);
  });

  it('is as it was when version 3 was fixed: to change this file is to change the version', async () => {
    const { encoded, index } = await build(...fixed());
    const path = new URL('layer-index-3.bin', import.meta.url);
    if (process.env.LAYERSLAYER_WRITE_FIXTURE) writeFileSync(path, encoded);
    const fixture = readFileSync(path);
    // Deflated bytes are another zlib's business: what they inflate to is the format.
    expect(sectionsOf(Buffer.from(encoded))).toEqual(sectionsOf(fixture));
    expect(fixture.subarray(0, 124)).toEqual(Buffer.from(encoded.subarray(0, 124)));
    const decoded = decodeLayerIndex(readerOf(new Uint8Array(fixture)));
    for (let row = 0; row < index.entries.length; row++)
      expect(rowOf(decoded, row)).toEqual(rowOf(index, row));
    expect(decoded.checkpoints).toEqual(index.checkpoints);
    expect(decoded.verification).toEqual(index.verification);
    expect(decoded.warnings).toEqual(index.warnings);
  });

  describe('states of a group', () => {
    const marks = Array.from({ length: 11 }, (_, i) => ({ gap: 1000, state: new Uint8Array(i).fill(i) }));
    const single = (groupDigests?: Uint8Array) => buildGroups(1, marks, groupDigests);

    it.each([1, 2, 8, 64])('are in the header, unless there are eight: %d', async (groupSize) => {
      const { encoded, index, states } = await buildGroups(groupSize, marks);
      expect(Buffer.from(encoded).readUInt32LE(120)).toBe(groupSize === 8 ? 0 : groupSize);
      const decoded = decodeLayerIndex(readerOf(encoded));
      expect(decoded.checkpoints).toEqual(index.checkpoints);
      const memory = new SharedArrayBuffer(states.length);
      new Uint8Array(memory).set(states);
      for (const [i, { state }] of marks.entries())
        expect(readCheckpoint(decoded.checkpoints, { memory }, i).state).toEqual(state);
    });

    it.each([
      ['with their digests', undefined],
      ['without', new Uint8Array(0)],
    ])('are refused where the header does not say how many, %s', async (_, groupDigests) => {
      const file = Buffer.from((await single(groupDigests)).encoded);
      expect(() => decodeLayerIndex(readerOf(file))).not.toThrow();
      file.writeUInt32LE(0, 120); // as files of zstd layers were before the header had the number
      writeCrc(file);
      expect(() => decodeLayerIndex(readerOf(file))).toThrow(
        expect.objectContaining({ code: 'CORRUPT_LAYER' }),
      );
    });

    it.each([65, 2 ** 32 - 1])('are refused if there are too many: %d', async (groupSize) => {
      const file = Buffer.from((await single()).encoded);
      file.writeUInt32LE(groupSize, 120);
      writeCrc(file);
      expect(() => decodeLayerIndex(readerOf(file))).toThrow('states of a group');
    });
  });

  it('has the digest of each group of states, or of none', async () => {
    const { encoded, index, states } = await build(...fixed());
    const { groupStarts, groupDigests } = decodeLayerIndex(readerOf(encoded)).checkpoints;
    const groups = [...groupStarts.keys()]
      .slice(1)
      .map((i) => states.subarray(groupStarts[i - 1], groupStarts[i]));
    expect(groups.length).toBeGreaterThan(1);
    expect(Buffer.from(groupDigests!).toString('hex')).toBe(
      groups.map((group) => createHash('sha256').update(group).digest('hex')).join(''),
    );
    const without = { ...index, checkpoints: { ...index.checkpoints, groupDigests: new Uint8Array(0) } };
    const older = await encodeLayerIndex(without, states);
    expect(sectionsOf(Buffer.from(older)).map(({ id }) => id)).not.toContain(12);
    expect(decodeLayerIndex(readerOf(older)).checkpoints).toEqual(without.checkpoints);
    const short = { ...index, checkpoints: { ...index.checkpoints, groupDigests: new Uint8Array(32) } };
    const damaged = await encodeLayerIndex(short, states);
    expect(() => decodeLayerIndex(readerOf(damaged))).toThrow('number of state digests');
  });

  describe('without its states', () => {
    const OF = { repository: 'example.com/indexes', digest: DIGEST, size: 99_999 };
    const cut = (encoded: Uint8Array) => {
      const end = detachableStates(readerOf(encoded), encoded.length)!;
      return { end, bytes: withoutStates(encoded.subarray(0, end), OF) };
    };

    it('is the same index, which says where they are', async () => {
      const { encoded, index } = await build(...fixed());
      const { end, bytes } = cut(encoded);
      expect(end).toBe(decodeLayerIndex(readerOf(encoded)).states.offset);
      const { states, remoteStates, ...rest } = decodeLayerIndex(readerOf(bytes));
      expect({ states, remoteStates }).toEqual({
        states: { offset: 0, length: 0 },
        remoteStates: { ...OF, offset: end },
      });
      expect(rest.checkpoints).toEqual(index.checkpoints);
      for (let row = 0; row < index.entries.length; row++)
        expect(rowOf(rest, row)).toEqual(rowOf(index, row));
    });

    it('is refused when others say where they are: it could be any host', async () => {
      const { index, states } = await build([], [{ gap: 0, state: Buffer.from('state') }]);
      const blobSize = BLOCK_SIZE + 1;
      const { bytes } = cut(await encodeLayerIndex({ ...index, blobSize }, states));
      const layer = { digest: DIGEST, blobSize };
      expect(() => checkLayerIndex(bytes, layer, false)).not.toThrow();
      expect(() => checkLayerIndex(bytes, layer, true)).toThrow('the location of its states');
      expect(detachableStates(readerOf(bytes), bytes.length)).toBeUndefined();
    });

    it('is not made of an index without states, without their digests, or cut short', async () => {
      const none = await build([], []);
      expect(detachableStates(readerOf(none.encoded), none.encoded.length)).toBeUndefined();
      const { encoded, index, states } = await build(...fixed());
      expect(detachableStates(readerOf(encoded), encoded.length - 1)).toBeUndefined();
      const { groupDigests: _, ...checkpoints } = index.checkpoints;
      const older = await encodeLayerIndex({ ...index, checkpoints }, states);
      expect(detachableStates(readerOf(older), older.length)).toBeUndefined();
    });

    it('has its checkpoints by fetching groups, each checked by its digest', async () => {
      const { encoded, index, states } = await build(...fixed());
      const columns = decodeLayerIndex(readerOf(encoded)).checkpoints;
      const memory = new SharedArrayBuffer(states.length);
      new Uint8Array(memory).set(states);
      const asked: boolean[] = [];
      const fetch =
        (wrong: (isAgain: boolean) => boolean) => async (start: number, length: number, isAgain: boolean) => {
          asked.push(isAgain);
          const bytes = Uint8Array.from(states.subarray(start, start + length));
          if (wrong(isAgain)) bytes[0]! ^= 1;
          return bytes;
        };
      for (let number = 0; number < index.checkpoints.length; number++) {
        const wanted = readCheckpoint(columns, { memory }, number);
        expect(
          await fetchCheckpoint(
            columns,
            number,
            fetch(() => false),
          ),
        ).toEqual(wanted);
        expect(
          await fetchCheckpoint(
            columns,
            number,
            fetch((isAgain) => !isAgain),
          ),
        ).toEqual(wanted);
        if (wanted.state.length > 0)
          await expect(
            fetchCheckpoint(
              columns,
              number,
              fetch(() => true),
            ),
          ).rejects.toThrow('their digest');
      }
      expect(asked).toContain(true);
      const last = index.checkpoints.length - 1;
      const { groupDigests: _, ...without } = columns;
      await expect(
        fetchCheckpoint(
          without,
          last,
          fetch(() => false),
        ),
      ).rejects.toThrow('their digest');
    });

    it('is damaged when a group or a state is larger than any', async () => {
      const { encoded } = await build(...fixed());
      const columns = decodeLayerIndex(readerOf(encoded)).checkpoints;
      const number = columns.stateStarts.findIndex((start, i) => columns.stateStarts[i + 1]! > start);
      const groupStarts = columns.groupStarts.map((start, i) => (i === 0 ? start : start + 2 ** 40));
      const never = () => Promise.reject(new Error('not fetched'));
      await expect(fetchCheckpoint({ ...columns, groupStarts }, number, never)).rejects.toThrow(
        'its group has',
      );
      const stateStarts = columns.stateStarts.map((start, i) => (i > number ? start + 2 ** 40 : start));
      const memory = new SharedArrayBuffer(1000);
      expect(() => readCheckpoint({ ...columns, stateStarts }, { memory }, number)).toThrow(
        'its states have',
      );
    });
  });

  it('can be read in parts, by the description of the format alone', async () => {
    const { encoded, index, states } = await build(...fixed());
    const sections = sectionsOf(Buffer.from(encoded));
    expect(sections.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 12, 9, 10, 8]);
    const paths = sections.find(({ id }) => id === 2)!.content;
    // Lengths below 256: one plane.
    const count = paths.readUInt32LE(0);
    const [least, planes] = [paths.readDoubleLE(4), paths.readUInt8(12)];
    let at = 13 + planes * count;
    const names = Array.from({ length: count }, (_, i) => {
      const length = least + (planes > 0 ? paths.readUInt8(13 + i) : 0);
      at += length;
      return paths.toString('latin1', at - length, at);
    });
    expect([count, planes]).toEqual([index.entries.length, 1]);
    expect(names).toEqual(['d/', 'd/file', 'd/link', 'd/hard', 'd/sparse', 'd/null', 'd/sda', 'd/pipe']);
    expect(sections.at(-1)!.content).toEqual(Buffer.from(states));
  });

  it('takes few bytes an entry', async () => {
    const rows: TarEntry[] = Array.from({ length: 5000 }, (_, i) => ({
      kind: 'file',
      path: Buffer.from(`usr/share/doc/package-${i >> 3}/file-${(i * 7919) % 1000}.txt`),
      linkTarget: new Uint8Array(0),
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: (i * 2654435761) % 20_000,
      mtimeSeconds: 1_700_000_000 + (((i >> 5) * 7919) % 1_000_000),
      mtimeNanoseconds: 0,
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: [],
      dataOffset: 512 + i * 20_992,
      storedSize: (i * 2654435761) % 20_000,
      sparse: undefined,
    }));
    expect((await build(rows, [])).encoded.length / rows.length).toBeLessThan(16);
  });
});

/** Rows and marks of an index of some size, the same each time. */
function sample() {
  const arbitrary = fc.tuple(
    fc.array(entries, { minLength: 5, maxLength: 9 }),
    checkpoints.filter((marks) => marks.length > 9),
  );
  return fc.sample(arbitrary, { numRuns: 1, seed: 3 })[0]!;
}

/** What the index in layer-index-3.bin holds: each kind of entry, two groups of states. */
function fixed(): [TarEntry[], { gap: number; state: Uint8Array }[]] {
  const text = (value: string) => Buffer.from(value);
  const entry = (kind: TarEntry['kind'], path: string, rest: Partial<TarEntry> = {}): TarEntry => ({
    kind,
    path: text(path),
    linkTarget: text(''),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeSeconds: 1_700_000_000,
    mtimeNanoseconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    dataOffset: 512,
    storedSize: 0,
    sparse: undefined,
    ...rest,
  });
  const rows = [
    entry('dir', 'd/', { mode: 0o755, uid: 1000, gid: 2 ** 32 - 2 }),
    entry('file', 'd/file', {
      size: 2 ** 40 + 5,
      storedSize: 2 ** 40 + 5,
      dataOffset: 1024,
      mtimeNanoseconds: 7,
    }),
    entry('symlink', 'd/link', { linkTarget: text('file'), mtimeSeconds: -5 }),
    entry('hardlink', 'd/hard', { linkTarget: text('d/file') }),
    entry('file', 'd/sparse', {
      size: 9000,
      storedSize: 30,
      dataOffset: 2 ** 41,
      sparse: [
        { offset: 0, length: 10 },
        { offset: 5000, length: 20 },
      ],
    }),
    entry('char', 'd/null', {
      deviceMajor: 1,
      deviceMinor: 3,
      xattrs: [{ name: text('user.a'), value: text('b') }],
    }),
    entry('block', 'd/sda', { deviceMajor: 8 }),
    entry('fifo', 'd/pipe'),
  ];
  const marks = Array.from({ length: 11 }, (_, i) => ({
    gap: i * 500_000,
    state: new Uint8Array(i * 10).fill(i),
  }));
  return [rows, marks];
}

/** A reader of its own, by FORMAT.md. */
function sectionsOf(bytes: Buffer): { id: number; flags: number; content: Buffer }[] {
  return Array.from({ length: bytes.readUInt32LE(12) }, (_, i) => {
    const row = bytes.subarray(128 + 32 * i);
    const [offset, length, size] = [8, 16, 24].map((at) => Number(row.readBigUInt64LE(at)));
    const stored = bytes.subarray(offset, offset! + length!);
    const flags = row.readUInt16LE(2);
    expect(row.readUInt32LE(4)).toBe(flags & 4 ? 0 : crc32(stored));
    const content = flags & 2 ? inflateRawSync(stored) : stored;
    expect(content.length).toBe(size);
    return { id: row.readUInt16LE(0), flags, content };
  });
}

function writeCrc(file: Buffer): void {
  const table = file.subarray(128, 128 + 32 * file.readUInt32LE(12));
  file.writeUInt32LE(crc32(table, crc32(file.subarray(0, 124))), 124);
}

/** The same index with one section more, at its end. */
function withSection(encoded: Uint8Array, id: number, flags: number, content: Buffer): Buffer {
  const file = Buffer.from(encoded);
  const count = file.readUInt32LE(12);
  const tableEnd = 128 + 32 * count;
  const row = Buffer.alloc(32);
  row.writeUInt16LE(id, 0);
  row.writeUInt16LE(flags, 2);
  row.writeUInt32LE(crc32(content), 4);
  row.writeBigUInt64LE(BigInt(file.length + 32), 8);
  row.writeBigUInt64LE(BigInt(content.length), 16);
  row.writeBigUInt64LE(BigInt(content.length), 24);
  const extended = Buffer.concat([file.subarray(0, tableEnd), row, file.subarray(tableEnd), content]);
  extended.writeUInt32LE(count + 1, 12);
  for (let at = 128; at < tableEnd; at += 32) {
    extended.writeBigUInt64LE(extended.readBigUInt64LE(at + 8) + 32n, at + 8);
  }
  writeCrc(extended);
  return extended;
}

describe('the checkpoint before an offset', () => {
  it('is the last one that is not past it', () => {
    const ascending = fc
      .uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 30 })
      .map((list) => [0, ...list].sort((a, b) => a - b));
    fc.assert(
      fc.property(ascending, fc.nat(1100), (outOffsets, offset) => {
        const columns = { length: outOffsets.length, outOffsets: Float64Array.from(outOffsets) };
        const found = checkpointBefore(columns as never, offset);
        expect(outOffsets[found]).toBe(Math.max(...outOffsets.filter((at) => at <= offset)));
      }),
    );
  });
});
