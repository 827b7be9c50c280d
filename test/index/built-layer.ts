import { BufferPool } from '#src/base/buffer-pool.js';
import type { BlobReader } from '#src/blob/blob.js';
import { BlobHasher } from '#src/blob/blocks/block-digests.js';
import { PAGE_SIZE } from '#src/blob/page.js';
import type { Codec, ScanObserver } from '#src/codec/codec.js';
import { PLAIN } from '#src/codec/codecs.js';
import { gzip } from '#src/codec/gzip/gzip-codec.js';
import { CHUNK_SIZE, ChunkReader, type ReadableLayer, RUN_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { CursorPool } from '#src/engine/inflate/cursor-pool.js';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import { LAYER_LIMITS, type LayerLimits } from '#src/index/layer-limits.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import { IndexPass } from '#src/index/pass/index-pass.js';
import { readCheckpoint } from '#src/index/states/checkpoints.js';
import { digestOf } from '../blob/bytes.js';
import { MemoryBlob } from '../blob/memory-blob.js';

/** The index pass over a blob, pushed in chunks (default: pages), and back from its encoded form. */
export async function indexBlob(
  blob: Uint8Array,
  { chunkLength = PAGE_SIZE, limits = LAYER_LIMITS }: { chunkLength?: number; limits?: LayerLimits } = {},
): Promise<{ index: LayerIndex; encoded: Uint8Array }> {
  const pass = new IndexPass(digestOf(blob), { limits });
  const hasher = new BlobHasher('sha256');
  for (let at = 0; at < blob.length; at += chunkLength) {
    const chunk = new Uint8Array(blob.subarray(at, at + chunkLength));
    hasher.update(chunk);
    pass.push(chunk);
    chunk.fill(0xee); // theirs until the call returns
  }
  const encoded = await pass.finish(hasher.finish().blockDigests);
  return { encoded, index: decodeLayerIndex((offset, length) => encoded.subarray(offset, offset + length)) };
}

/** The digests of the blob's blocks, by which all our indexes verify. */
export function blockDigests({ verification }: LayerIndex): Uint8Array {
  if (verification.kind !== 'blocks') throw new Error(`verified by ${verification.kind}`);
  return verification.digests;
}

/** A blob as a reader wants it, with checkpoints as close as wanted; its content need be no tar. */
export async function readable(codec: Codec, blob: Uint8Array, spanSize?: number): Promise<ReadableLayer> {
  const builder = new CheckpointBuilder(codec, LAYER_LIMITS.stateBytes);
  let tarSize = 0;
  const observer: ScanObserver = {
    onOutput: (_, start, end) => {
      tarSize += end - start;
    },
    onCheckpoint: (checkpoint) => builder.add(checkpoint),
  };
  const scanner = codec.scanner(observer, spanSize);
  scanner.push(blob);
  scanner.finish();
  const { checkpoints, states } = await builder.finish();
  const memory = new SharedArrayBuffer(states.length);
  new Uint8Array(memory).set(states);
  const checkpoint = (number: number) => readCheckpoint(checkpoints, { memory }, number);
  return { digest: digestOf(blob), codec, tarSize, checkpoints, checkpoint };
}

export const readableGzip = (blob: Uint8Array, spanSize: number) => readable(gzip, blob, spanSize);

/** A plain tar: nothing but its bytes. */
export const readablePlain = (blob: Uint8Array) => readable(PLAIN, blob);

export function resources(): CursorPool {
  return new CursorPool(new BufferPool(RUN_SIZE, 4));
}

export function readerOf(
  layer: ReadableLayer,
  blob: BlobReader,
  shared: CursorPool = resources(),
): ChunkReader {
  return new ChunkReader(layer, blob, shared);
}

/** Chunks `first` to `first + count - 1`, end to end; their buffers go round, as they do between threads. */
export async function readChunks(
  reader: ChunkReader,
  shared: CursorPool,
  first: number,
  count: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let next = first;
  await reader.read(
    first,
    count,
    (number, bytes) => {
      if (number !== next) throw new Error(`chunk ${number} came out of order`);
      next += Math.ceil(bytes.length / CHUNK_SIZE);
      parts.push(Buffer.from(bytes));
      bytes.fill(0xee);
      shared.buffers.release(bytes.buffer);
    },
    { signal },
  );
  return Buffer.concat(parts);
}

/** A blob whose reads come later, are watched, and go wrong as they are told. */
export class WatchedBlob implements BlobReader {
  readonly #blob: MemoryBlob;
  reads: number[] = []; // offsets
  readBytes = 0;
  readonly lent: ArrayBufferLike[] = [];
  /** Called for each read, before it answers: to wait, or to throw. */
  before: (offset: number, signal?: AbortSignal) => Promise<void> | void = () => {};

  readonly announced: [number, number][] = [];

  prefetch(offset: number, end: number): void {
    this.announced.push([offset, end]);
  }

  constructor(readonly bytes: Uint8Array) {
    this.#blob = new MemoryBlob(bytes);
  }

  get size(): number {
    return this.#blob.size;
  }

  /** Puts the bytes into the lent buffer when there is one, as pages from the disk are. */
  async read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array> {
    this.reads.push(offset);
    this.readBytes += length;
    await this.before(offset, signal);
    const bytes = await this.#blob.read(offset, length, signal);
    if (!lent) return bytes;
    this.lent.push(lent.buffer);
    lent.set(bytes);
    return lent.subarray(0, length);
  }
}
