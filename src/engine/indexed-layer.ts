import { abortable } from '../base/abortable.js';
import { LayerslayerError } from '../base/errors.js';
import type { EntryTable } from '../index/entry-table.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { BufferPool } from './inflate/buffer-pool.js';
import { CHUNK_SIZE as WINDOW_SIZE } from './inflate/chunk-reader.js';
import type { BlobNumber } from './inflate/inflate-protocol.js';
import type { Layer } from './layer.js';
import { SequentialReaders } from './sequential-readers.js';
import { SparseLayout, type SparsePiece } from './sparse-layout.js';
import type { WindowLoader } from './window-loader.js';

export interface IndexedLayerOptions {
  digest: Digest;
  entries: EntryTable;
  tarSize: number;
  blob: BlobNumber;
  windows: WindowLoader;
  /** For results that are put together of several windows; shared by all layers. */
  results: BufferPool;
}

/** A layer whose bytes come from windows that other threads inflate. */
export class IndexedLayer implements Layer {
  readonly digest: Digest;
  readonly entries: EntryTable;
  readonly #options: IndexedLayerOptions;
  readonly #windowCount: number;
  readonly #readers: SequentialReaders;
  /** Of the sparse file read last: laying out the largest map costs a ms, and all of them would cost memory. */
  #sparse: { row: number; layout: SparseLayout } | undefined;

  constructor(options: IndexedLayerOptions) {
    this.digest = options.digest;
    this.entries = options.entries;
    this.#options = options;
    this.#readers = new SequentialReaders(options.windows.maxAhead);
    this.#windowCount = Math.ceil(options.tarSize / WINDOW_SIZE);
  }

  read(row: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    const segments = this.entries.sparse(row);
    const dataOffset = this.entries.dataOffset(row);
    if (!segments) return this.#readTar(dataOffset + offset, length, signal);
    if (this.#sparse?.row !== row) this.#sparse = { row, layout: new SparseLayout(segments) };
    return this.#readSparse(this.#sparse.layout.pieces(offset, length), dataOffset, length, signal);
  }

  /** Bytes of the uncompressed tar. */
  #readTar(offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const { blob, windows, tarSize } = this.#options;
    if (offset + length > tarSize) {
      throw new LayerslayerError(
        'CORRUPT_LAYER',
        `reading layer ${shortDigest(this.digest)}: ${length} bytes at ${offset} are not inside its ${tarSize}`,
      );
    }
    const first = Math.floor(offset / WINDOW_SIZE);
    const last = Math.floor((offset + length - 1) / WINDOW_SIZE);
    windows.expect(blob, this.#readers, first, last, this.#windowCount);
    if (first < last) return this.#assemble(first, last, offset, length, signal);
    const skip = offset - first * WINDOW_SIZE;
    const window = windows.get(blob, first);
    if (window instanceof Uint8Array) return window.subarray(skip, skip + length);
    return abortable(window, signal).then((bytes) => bytes.subarray(skip, skip + length));
  }

  /** Each window is copied as it comes: a view does not hold until the last one is there. */
  #assemble(
    first: number,
    last: number,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Uint8Array | Promise<Uint8Array> {
    const { blob, windows } = this.#options;
    const result = this.#options.results.take(length);
    const waiting: Promise<void>[] = [];
    for (let number = first; number <= last; number++) {
      const at = number * WINDOW_SIZE - offset; // of the window's start, in the result
      const window = windows.get(blob, number);
      if (window instanceof Uint8Array) copyWindow(window, result, at);
      else waiting.push(window.then((bytes) => copyWindow(bytes, result, at)));
    }
    if (waiting.length === 0) return this.#lend(result);
    return abortable(
      Promise.all(waiting).then(() => this.#lend(result)),
      signal,
    );
  }

  /** The data of pieces that follow each other lie end to end in the tar: one read, then each goes to its place. */
  #readSparse(
    pieces: readonly SparsePiece[],
    dataOffset: number,
    length: number,
    signal?: AbortSignal,
  ): Uint8Array | Promise<Uint8Array> {
    const data = pieces.filter(({ from }) => from >= 0);
    const dataLength = data.reduce((sum, piece) => sum + piece.length, 0);
    const stored = this.#readTar(dataOffset + (data[0]?.from ?? 0), dataLength, signal);
    const spread = (bytes: Uint8Array) => {
      const result = this.#options.results.take(length);
      let at = 0;
      let used = 0;
      for (const piece of pieces) {
        const end = at + piece.length;
        if (piece.from < 0) {
          result.fill(0, at, end);
        } else {
          result.set(bytes.subarray(used, used + piece.length), at);
          used += piece.length;
        }
        at = end;
      }
      return this.#lend(result);
    };
    return stored instanceof Uint8Array ? spread(stored) : stored.then(spread);
  }

  /** Hands out a result of the pool, which goes back there when the reader has returned to the event loop. */
  #lend(result: Uint8Array<ArrayBuffer>): Uint8Array {
    setImmediate(() => this.#options.results.release(result.buffer));
    return result;
  }
}

/** Puts a window where it belongs; `at` is negative for the first, and the last may end after the result does. */
function copyWindow(window: Uint8Array, result: Uint8Array, at: number): void {
  const skip = Math.max(0, -at);
  result.set(window.subarray(skip, result.length - at), at + skip);
}
