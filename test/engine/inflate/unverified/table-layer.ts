import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { BlobReader } from '#src/blob/blob.js';
import { CODECS } from '#src/codec/codecs.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import type { TableChunks } from '#src/engine/inflate/inflate-protocol.js';
import type { LayerReader } from '#src/engine/inflate/layer-reader.js';
import type { HashAside } from '#src/engine/inflate/unverified/chunk-hash.js';
import { UnverifiedBlob, type UnverifiedRange } from '#src/engine/inflate/unverified/unverified-blob.js';
import { noise } from '../../../blob/bytes.js';

/** How members and frames are made, and runs of random tests: a program starts slowly. */
const COMPRESSIONS: Record<string, { compress: (bytes: Uint8Array) => Uint8Array; numRuns: number }> = {
  gzip: { compress: (bytes) => gzipSync(bytes, { level: 1 }), numRuns: 40 },
  zstd: {
    compress: (bytes) => execFileSync('zstd', ['-q1c'], { input: bytes, maxBuffer: 2 ** 30 }),
    numRuns: 4,
  },
};

/** All compressions that layers with chunks may have. */
export const TABLE_CODECS = CODECS.filter(({ isIdentity }) => !isIdentity).map((codec) => ({
  codec,
  ...COMPRESSIONS[codec.name]!,
}));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** What comes next in a layer that is cut into chunks. */
export type Piece =
  | { gap: number } // bytes of the tar that no chunk has
  | { hole: number }
  /** A member of its own, or one for several chunks with bytes before each that no chunk has. */
  | { chunks: Uint8Array[]; before?: number; after?: number };

export interface TableLayerBytes {
  plain: Buffer; // the virtual tar
  blob: Buffer;
  chunks: TableChunks;
}

/** A layer of chunks, and its bytes. Between members of the blob are bytes that no chunk needs. */
export function layerOf(
  pieces: readonly Piece[],
  compress: (bytes: Uint8Array) => Uint8Array = COMPRESSIONS.gzip!.compress,
): TableLayerBytes {
  const plain: Uint8Array[] = [];
  const blob: Uint8Array[] = [];
  let outOffset = 0;
  let inOffset = 0;
  const rows: { out: number; size: number; in: number; end: number; inner: number; digest: Uint8Array }[] =
    [];
  const addPlain = (bytes: Uint8Array) => {
    plain.push(bytes);
    outOffset += bytes.length;
  };
  for (const piece of pieces) {
    if ('gap' in piece) addPlain(new Uint8Array(piece.gap));
    else if ('hole' in piece) {
      const digest = new Uint8Array(32);
      rows.push({ out: outOffset, size: piece.hole, in: 0, end: 0, inner: 0, digest });
      addPlain(new Uint8Array(piece.hole));
    } else {
      const { chunks, before = 0, after = 0 } = piece;
      const content: Uint8Array[] = [];
      const inside: typeof rows = [];
      let inner = 0;
      for (const chunk of chunks) {
        content.push(noise(before, 77), chunk);
        inner += before;
        inside.push({
          out: outOffset,
          size: chunk.length,
          in: inOffset,
          end: 0,
          inner,
          digest: sha256(chunk),
        });
        inner += chunk.length;
        addPlain(chunk);
      }
      content.push(noise(after, 78));
      const member = compress(Buffer.concat(content));
      blob.push(member);
      inOffset += member.length;
      for (const row of inside) rows.push({ ...row, end: inOffset });
    }
  }
  const numbers = (of: (row: (typeof rows)[number]) => number) => new Float64Array(rows.map(of));
  return {
    plain: Buffer.concat(plain),
    blob: Buffer.concat([...blob, noise(1000, 79)]), // the table itself
    chunks: {
      length: rows.length,
      outOffsets: numbers(({ out }) => out),
      sizes: numbers(({ size }) => size),
      inOffsets: numbers((row) => row.in),
      inEnds: numbers(({ end }) => end),
      innerOffsets: numbers(({ inner }) => inner),
      digests: Buffer.concat(rows.map(({ digest }) => digest)),
    },
  };
}

/** Stands in for the thread that hashes long chunks: their buffers move there and back. */
export class HashingThread {
  hashed = 0; // chunks
  /** Awaited before a chunk is answered. */
  before: () => Promise<void> | void = () => {};

  readonly hashAside: HashAside = async (lent) => {
    const there = structuredClone(lent, { transfer: [lent.buffer] });
    this.hashed++;
    await this.before();
    const digest = sha256(there);
    return { bytes: structuredClone(there, { transfer: [there.buffer] }), digest };
  };
}

/** Bytes that come from upstream only, watched, and wrong as a test wants them. */
export class Upstream {
  readonly reads: UnverifiedRange[] = [];
  readonly announced: [number, number][] = [];
  /** Byte of the blob that comes wrong, unless it is fresh. */
  damageAt: number | undefined;
  isFreshDamaged = false;
  before: (range: UnverifiedRange, signal?: AbortSignal) => Promise<void> | void = () => {};

  constructor(readonly bytes: Uint8Array) {}

  get blob(): UnverifiedBlob & BlobReader {
    const upstream = {
      read: async (range: UnverifiedRange, signal?: AbortSignal) => {
        this.reads.push(range);
        if (range.fresh && !this.isFreshDamaged) this.damageAt = undefined;
        const { damageAt = -1 } = this;
        await this.before(range, signal);
        signal?.throwIfAborted();
        const bytes = new Uint8Array(this.bytes.subarray(range.offset, range.offset + range.length));
        if (damageAt >= range.offset && damageAt < range.offset + range.length) {
          bytes[damageAt - range.offset]! ^= 0xff;
        }
        return bytes;
      },
      prefetch: (offset: number, end: number) => void this.announced.push([offset, end]),
    };
    return new UnverifiedBlob({ size: this.bytes.length, near: undefined, upstream });
  }
}

/** The layer's chunks `[first, first + count)`, end to end. Their buffers are used again. */
export async function readAll(
  reader: LayerReader,
  release: (buffer: ArrayBuffer) => void,
  first: number,
  count: number,
  options: { likelyEnd?: number; signal?: AbortSignal } = {},
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let next = first;
  const deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => {
    if (number !== next) throw new Error(`chunk ${number} came out of order`);
    next += Math.ceil(bytes.length / CHUNK_SIZE);
    parts.push(Buffer.from(bytes));
    bytes.fill(0xee);
    release(bytes.buffer);
  };
  await reader.read(first, count, deliver, options);
  return Buffer.concat(parts);
}
