import { abortable } from '../base/abortable.js';
import type { Digest } from '../oci/digest.js';
import type { EntryTable } from './entry-table.js';
import type { BlobNumber } from './inflate-protocol.js';
import type { Layer } from './layer.js';
import { SparseLayout } from './sparse-layout.js';
import type { WindowLoader } from './window-loader.js';
import { WINDOW_SIZE } from './window-reader.js';

/** A layer whose bytes come from windows that other threads inflate. */
export class IndexedLayer implements Layer {
  readonly digest: Digest;
  readonly entries: EntryTable;
  readonly #blob: BlobNumber;
  readonly #windows: WindowLoader;
  readonly #windowCount: number;
  readonly #sparseLayouts = new Map<number, SparseLayout>();

  constructor(options: {
    digest: Digest;
    entries: EntryTable;
    tarSize: number;
    blob: BlobNumber;
    windows: WindowLoader;
  }) {
    this.digest = options.digest;
    this.entries = options.entries;
    this.#blob = options.blob;
    this.#windows = options.windows;
    this.#windowCount = Math.ceil(options.tarSize / WINDOW_SIZE);
  }

  read(row: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    const segments = this.entries.sparse(row);
    const dataOffset = this.entries.dataOffset(row);
    if (!segments) return this.#readTar(dataOffset + offset, length, signal);
    return this.#readSparse(this.#sparseLayout(row, segments), dataOffset, offset, length, signal);
  }

  /** Bytes of the uncompressed tar. */
  #readTar(offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const first = Math.floor(offset / WINDOW_SIZE);
    const last = Math.floor((offset + length - 1) / WINDOW_SIZE);
    const skip = offset - first * WINDOW_SIZE;
    if (first === last) {
      const window = this.#windows.get(this.#blob, first, this.#windowCount);
      if (window instanceof Uint8Array) return window.subarray(skip, skip + length);
      return abortable(window, signal).then((bytes) => bytes.subarray(skip, skip + length));
    }
    // Each window is copied as it comes: a view does not hold until the last one is there.
    const result = Buffer.allocUnsafeSlow(length);
    const waiting: Promise<void>[] = [];
    for (let number = first; number <= last; number++) {
      const at = number * WINDOW_SIZE - offset; // of the window's start, in the result
      const window = this.#windows.get(this.#blob, number, this.#windowCount);
      if (window instanceof Uint8Array) copyWindow(window, result, at);
      else waiting.push(window.then((bytes) => copyWindow(bytes, result, at)));
    }
    if (waiting.length === 0) return result;
    return abortable(Promise.all(waiting), signal).then(() => result);
  }

  async #readSparse(
    layout: SparseLayout,
    dataOffset: number,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const result = new Uint8Array(length);
    let at = 0;
    for (const piece of layout.pieces(offset, length)) {
      if (piece.from >= 0) result.set(await this.#readTar(dataOffset + piece.from, piece.length, signal), at);
      at += piece.length;
    }
    return result;
  }

  #sparseLayout(row: number, segments: Float64Array): SparseLayout {
    let layout = this.#sparseLayouts.get(row);
    if (!layout) {
      layout = new SparseLayout(segments);
      this.#sparseLayouts.set(row, layout);
    }
    return layout;
  }
}

/** Puts a window where it belongs; `at` is negative for the first, and the last may end after the result does. */
function copyWindow(window: Uint8Array, result: Uint8Array, at: number): void {
  const skip = Math.max(0, -at);
  result.set(window.subarray(skip, result.length - at), at + skip);
}
