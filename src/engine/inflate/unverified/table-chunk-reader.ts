import { LayerslayerError } from '../../../base/errors.js';
import { PAGE_SIZE } from '../../../blob/page.js';
import type { Codec } from '../../../codec/codec.js';
import { type Digest, shortDigest } from '../../../oci/digest.js';
import { CHUNK_SIZE, RUN_SIZE } from '../chunk-reader.js';
import type { CursorPool } from '../cursor-pool.js';
import type { TableChunks } from '../inflate-protocol.js';
import type { LastRead } from '../last-read.js';
import type { Deliver, LayerReader, ReadOptions } from '../layer-reader.js';
import { type HashAside, isHashedAside } from './chunk-hash.js';
import { MemberDecoder } from './member-decoder.js';
import { ChunkTable, inputEnds, type TableChunk } from './table-chunks.js';
import type { UnverifiedBlob } from './unverified-blob.js';
import type { UsePart, VerifiedParts } from './verified-parts.js';
import { WrongBytes, withFreshBytes } from './wrong-bytes.js';

/** Compressed bytes announced ahead of a reader at most (12 MiB), as those of `ChunkReader`. */
const LONGEST_AHEAD = 48 * PAGE_SIZE;

export interface TableLayer {
  digest: Digest;
  codec: Codec;
  tarSize: number;
  chunks: TableChunks;
}

export interface TableReaderParts {
  cursors: CursorPool; // those of the thread; their buffers have RUN_SIZE
  parts: VerifiedParts; // those of the thread
  lastRead: LastRead; // of the thread
  hashAside: HashAside;
  onWrong(reason: string): void; // wrong bytes came, fresh ones are fetched
}

/**
 * Reads a layer by the chunks of its table. Each is decoded whole and checked by its digest before
 * a byte of it is delivered. While it is hashed, the next one of a sequential reader is decoded.
 * Bytes that no chunk has are zeros.
 */
export class TableChunkReader implements LayerReader {
  readonly #layer: TableLayer;
  readonly #blob: UnverifiedBlob;
  readonly #parts: TableReaderParts;
  readonly #table: ChunkTable;
  readonly #decoder: MemberDecoder;
  #decoding = 0; // chunks
  #next: TableChunk | undefined; // to decode when no other one is
  #failed: number | undefined; // number of the chunk whose last decoding ahead failed

  /** @throws LayerslayerError CORRUPT_LAYER for a codec that cannot have chunks */
  constructor(layer: TableLayer, blob: UnverifiedBlob, parts: TableReaderParts) {
    if (layer.codec.isIdentity) {
      const why = `a ${layer.codec.name} layer cannot have a table of compressed chunks`;
      throw new LayerslayerError('CORRUPT_LAYER', `the index of layer ${shortDigest(layer.digest)}: ${why}`);
    }
    this.#layer = layer;
    this.#blob = blob;
    this.#parts = parts;
    this.#table = new ChunkTable(layer.digest, blob.size, layer.chunks);
    this.#decoder = new MemberDecoder(layer.codec, blob, parts.cursors);
  }

  async read(
    first: number,
    count: number,
    deliver: Deliver,
    { likelyEnd = first + count, signal }: ReadOptions = {},
  ): Promise<void> {
    const { tarSize } = this.#layer;
    const start = first * CHUNK_SIZE;
    const end = Math.min(start + count * CHUNK_SIZE, tarSize);
    const chunks = this.#table.overlapping(start, end);
    const ends = inputEnds(chunks);
    const ahead = Math.min(likelyEnd * CHUNK_SIZE, tarSize);
    this.#prefetch(ends.at(-1), end, ahead);
    const isContinued = this.#parts.lastRead.isContinuedBy(this, start, end);
    this.#next = isContinued && ahead > end ? this.#chunkAhead(chunks.at(-1), ahead) : undefined;
    const { buffers } = this.#parts.cursors;
    let next = 0; // the first chunk that may have bytes of the run
    for (let at = start; at < end; at += RUN_SIZE) {
      const run = buffers.take(Math.min(RUN_SIZE, end - at));
      if (!covers(chunks[next], at, at + run.length)) run.fill(0);
      try {
        for (let i = next; i < chunks.length; i++) {
          const chunk = chunks[i]!;
          if (chunk.outOffset >= at + run.length) break;
          const copied = this.#copy(chunk, ends[i]!, run, at, signal);
          if (i === chunks.length - 1) this.#decodeNext();
          await copied;
          if (chunk.outOffset + chunk.size <= at + run.length) next = i + 1;
        }
      } catch (error) {
        buffers.release(run.buffer);
        throw error;
      }
      deliver(at / CHUNK_SIZE, run);
    }
  }

  /**
   * Announces the compressed bytes of the tar's `[end, likelyEnd)`.
   * @param inputEnd where those end that the read itself needs
   */
  #prefetch(inputEnd: number | undefined, end: number, likelyEnd: number): void {
    if (likelyEnd <= end) return;
    const from = inputEnd ?? this.#table.inputEnd(end);
    const to = this.#table.inputEnd(likelyEnd);
    if (to > from) this.#blob.prefetch(from, Math.min(to, from + LONGEST_AHEAD));
  }

  /** Returns the chunk after `last` if it begins before `ahead` and should be decoded ahead. */
  #chunkAhead(last: TableChunk | undefined, ahead: number): TableChunk | undefined {
    const next = last && this.#table.next(last.number, ahead);
    return next && isHashedAside(next.size) && next.number !== this.#failed ? next : undefined;
  }

  /** Decodes the chunk that a reader will likely need next, unless another one is being decoded. */
  #decodeNext(): void {
    const next = this.#next;
    if (!next || this.#decoding > 0) return;
    this.#next = undefined;
    this.#use(next, inputEnds([next])[0]!, () => {}).catch(() => {
      this.#failed = next.number; // the read that needs it meets the fault
    });
  }

  /** Copies the bytes of a chunk that are in `run`, which begins at the tar's `at`. */
  #copy(
    chunk: TableChunk,
    inputEnd: number,
    run: Uint8Array,
    at: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { outOffset } = chunk;
    const skip = Math.max(0, at - outOffset);
    const copy: UsePart = (bytes) =>
      run.set(bytes.subarray(skip, at + run.length - outOffset), outOffset + skip - at);
    return this.#use(chunk, inputEnd, copy, signal);
  }

  #use(chunk: TableChunk, inputEnd: number, use: UsePart, signal?: AbortSignal): Promise<void> {
    const { size, digest } = chunk;
    const key = `${Buffer.from(digest).toString('latin1')}${size}`; // the same bytes, whatever layer has them
    return this.#parts.parts.use(
      key,
      async (room, stop) => {
        let target: Uint8Array<ArrayBuffer> | undefined;
        const lend = async () => {
          target ??= await room(size);
          return target;
        };
        const decode = async (fresh: boolean) => {
          this.#decoding++;
          const decoded = this.#decoder.decode(chunk, lend, { inputEnd, fresh, signal: stop });
          const hash = await decoded.finally(() => this.#decoding--);
          this.#decodeNext();
          const hashed = await hash.end(target!, this.#parts.hashAside);
          target = hashed.bytes;
          if (Buffer.compare(hashed.digest, digest) === 0) return;
          this.#decoder.forget(chunk);
          throw new WrongBytes('the bytes are not those of the digest');
        };
        await withFreshBytes(() => this.#name(chunk), decode, this.#parts.onWrong);
        return target!;
      },
      use,
      signal,
    );
  }

  #name({ number, inOffset }: TableChunk): string {
    return `chunk ${number} of ${shortDigest(this.#layer.digest)}, at ${inOffset}`;
  }
}

/** The chunk has all bytes of the tar's `[from, end)`. */
function covers(chunk: TableChunk | undefined, from: number, end: number): boolean {
  return chunk !== undefined && chunk.outOffset <= from && chunk.outOffset + chunk.size >= end;
}
