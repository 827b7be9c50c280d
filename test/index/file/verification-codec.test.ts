import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  packChunks,
  packDigests,
  unpackVerification,
  VERIFICATION_KINDS,
} from '#src/index/file/verification-codec.js';
import type { ChunkColumns, Verification } from '#src/index/layer-index.js';
import { MAX_CHUNK_SIZE } from '#src/index/layer-index.js';

const BLOB_SIZE = 1_000_000_000;
const TAR_SIZE = 2 ** 40;

interface Chunk {
  gap: number;
  size: number;
  inOffset: number;
  inLength: number; // 0: a hole
  innerOffset: number;
}

const chunk: fc.Arbitrary<Chunk> = fc.record({
  gap: fc.nat(5000),
  size: fc.integer({ min: 1, max: MAX_CHUNK_SIZE }),
  inOffset: fc.nat(BLOB_SIZE / 2),
  inLength: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: BLOB_SIZE / 2 })),
  innerOffset: fc.nat(100_000),
});

function columnsOf(chunks: readonly Chunk[]): ChunkColumns {
  let outEnd = 0;
  const column = (value: (chunk: Chunk) => number) => Float64Array.from(chunks, value);
  return {
    length: chunks.length,
    outOffsets: column(({ gap, size }) => {
      outEnd += gap + size;
      return outEnd - size;
    }),
    sizes: column(({ size }) => size),
    inOffsets: column(({ inOffset, inLength }) => (inLength ? inOffset : 0)),
    inEnds: column(({ inOffset, inLength }) => (inLength ? inOffset + inLength : 0)),
    innerOffsets: column(({ innerOffset, inLength }) => (inLength ? innerOffset : 0)),
    digests: new Uint8Array(chunks.length * 32).map((_, i) => i * 31),
  };
}

function pack(verification: Verification): [number, Uint8Array, Uint8Array] {
  return [
    VERIFICATION_KINDS[verification.kind],
    new Uint8Array(Buffer.concat([...packDigests(verification)])),
    new Uint8Array(Buffer.concat([...packChunks(verification)])),
  ];
}

const extent = { checkpoints: 3, blobSize: BLOB_SIZE, tarSize: TAR_SIZE };

/** Two chunks as a file may hold them. */
function refusal(change: Partial<Chunk>, fits: Partial<typeof extent> = {}): () => unknown {
  const one: Chunk = { gap: 512, size: 10, inOffset: 90, inLength: 50, innerOffset: 0 };
  const packed = pack({ kind: 'chunks', chunks: columnsOf([one, { ...one, ...change }]) });
  return () => unpackVerification(...packed, { ...extent, ...fits });
}

describe('the verification of an index file', () => {
  it.each<[string, Verification]>([
    ['blocks', { kind: 'blocks', blockSize: 65_536, digests: new Uint8Array(64).fill(3) }],
    ['spans', { kind: 'spans', digests: new Uint8Array(96).fill(4) }],
    ['no chunks', { kind: 'chunks', chunks: columnsOf([]) }],
  ])('%s come back as they were', (_, verification) => {
    expect(unpackVerification(...pack(verification), extent)).toEqual(verification);
  });

  it('any chunks and holes come back as they were', () => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 50 }), (chunks) => {
        const verification: Verification = { kind: 'chunks', chunks: columnsOf(chunks) };
        expect(unpackVerification(...pack(verification), extent)).toEqual(verification);
      }),
    );
  });

  it('takes few bytes a chunk besides its digest', () => {
    const chunks = Array.from({ length: 1000 }, (_, i) => ({
      gap: 512 + (i % 512),
      size: 5000 + i,
      inOffset: i * 2100,
      inLength: 2000,
      innerOffset: 0,
    }));
    expect(pack({ kind: 'chunks', chunks: columnsOf(chunks) })[2].length).toBeLessThan(8 * 1000);
  });

  it.each<[string, Partial<Chunk>, Partial<typeof extent>]>([
    ['overlapping chunks', { gap: -1 }, {}],
    ['a chunk of no bytes', { size: 0 }, {}],
    ['a chunk beyond the limit', { size: MAX_CHUNK_SIZE + 1 }, {}],
    ['a chunk past the tar', {}, { tarSize: 1043 }],
    ['a chunk past the blob', {}, { blobSize: 139 }],
    ['a negative inOffset', { inOffset: -91 }, {}],
    ['a negative length', { inLength: -1 }, {}],
    ['a negative inner offset', { innerOffset: -1 }, {}],
  ])('refuses %s', (_, change, fits) => {
    expect(refusal({}, {})).not.toThrow();
    expect(refusal(change, fits)).toThrow(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
  });

  it('refuses a chunk of half a byte', () => {
    const half: Chunk = { gap: 512, size: 0.5, inOffset: 90, inLength: 50, innerOffset: 0 };
    const packed = pack({ kind: 'chunks', chunks: columnsOf([half]) });
    expect(() => unpackVerification(...packed, extent)).toThrow('chunks is not as written');
  });

  it.each([
    ['spans', VERIFICATION_KINDS.spans, 95],
    ['chunks', VERIFICATION_KINDS.chunks, 32],
    ['blocks', VERIFICATION_KINDS.blocks, 3],
    ['another kind', 4, 96],
  ])('refuses %s with another number of digests', (_, kind, length) => {
    expect(() => unpackVerification(kind, new Uint8Array(length), new Uint8Array(0), extent)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_LAYER' }),
    );
  });
});
