import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointBuilder } from '#dist/index/checkpoint-builder.js';
import { checkpointBefore } from '#dist/index/checkpoints.js';
import { EntryColumnsBuilder } from '#dist/index/entry-columns-builder.js';
import type { LayerIndex } from '#dist/index/layer-index.js';
import { decodeLayerIndex, encodeLayerIndex } from '#dist/index/layer-index-codec.js';
import { LAYER_LIMITS } from '#dist/index/layer-limits.js';
import type { Digest } from '#dist/oci/digest.js';
import type { TarEntry } from '#dist/tar/entry.js';

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

async function build(rows: readonly TarEntry[], marks: readonly { gap: number; state: Uint8Array }[]) {
  const columns = new EntryColumnsBuilder(LAYER_LIMITS);
  for (const row of rows) columns.add(row);
  const builder = new CheckpointBuilder(LAYER_LIMITS.stateBytes);
  let at = 0;
  for (const { gap, state } of marks) {
    at += gap;
    builder.add({ inOffset: at, outOffset: at * 3, state });
  }
  const { checkpoints, states } = await builder.finish();
  const index: Omit<LayerIndex, 'states'> = {
    digest: DIGEST,
    codec: 'gzip',
    blobSize: 12_345,
    tarSize: 67_890,
    entries: columns.finish(),
    checkpoints,
    pageDigests: new Uint8Array(64).fill(9),
    warnings: ['an entry was skipped'],
  };
  const { bytes: encoded, index: told } = await encodeLayerIndex(index, states);
  return { index, states, encoded, told };
}

const readerOf = (encoded: Uint8Array) => (offset: number, length: number) => {
  if (offset + length > encoded.length) throw new Error('past the end');
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
        const { index, states, encoded, told } = await build(rows, marks);
        const decoded = decodeLayerIndex(readerOf(encoded));
        expect(decoded.entries.length).toBe(rows.length);
        for (const [row, entry] of rows.entries()) {
          expect(rowOf(decoded, row)).toEqual(rowOf(index, row));
          expect(rowOf(decoded, row).path).toEqual([...entry.path]);
          expect(decoded.entries.dataOffset(row)).toBe(entry.dataOffset);
          expect(decoded.entries.size(row)).toBe(entry.size);
        }
        expect(decoded.checkpoints).toEqual(index.checkpoints);
        expect(decoded.states).toEqual(told.states);
        const { offset, length } = decoded.states;
        expect([...encoded.subarray(offset, offset + length)]).toEqual([...states]);
        expect({ ...decoded, entries: 0, checkpoints: 0, states: 0 }).toEqual({
          ...index,
          entries: 0,
          checkpoints: 0,
          states: 0,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('notices any flipped bit and any cut before the states', async () => {
    const sample = fc.sample(fc.tuple(fc.array(entries, { minLength: 5, maxLength: 9 }), checkpoints), {
      numRuns: 1,
      seed: 3,
    })[0]!;
    const { encoded } = await build(...sample);
    const tablesEnd = decodeLayerIndex(readerOf(encoded)).states.offset;
    for (let at = 0; at < tablesEnd; at++) {
      const damaged = encoded.slice();
      damaged[at]! ^= 1 << (at % 8);
      expect(() => decodeLayerIndex(readerOf(damaged)), `bit in byte ${at}`).toThrow();
      if (at % 7 === 0)
        expect(() => decodeLayerIndex(readerOf(encoded.slice(0, at))), `cut at ${at}`).toThrow();
    }
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
