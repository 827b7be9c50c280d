import { LayerslayerError, withContext } from '../base/errors.js';
import type { BlobReader } from '../blob/blob-reader.js';
import { PAGE_SIZE } from '../blob/page.js';
import type { GzipCursor } from '../gzip/gzip-cursor.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { BufferPool } from './buffer-pool.js';
import type { CursorPool, LiveCursor } from './cursor-pool.js';
import { type CheckpointColumns, type Compression, checkpointBefore, MEMBER_START } from './layer-index.js';

/**
 * The unit in which uncompressed bytes are inflated, moved between threads and kept in memory. Smaller ones answer a
 * cold random read sooner (it waits for the whole window), larger ones cost fewer messages a sequential MiB. A whole
 * number of them makes a page, so that a window of a plain tar lies in one.
 */
export const WINDOW_SIZE = 128 * 1024;

export interface ReadableLayer {
  digest: Digest;
  compression: Compression;
  tarSize: number;
  checkpoints: CheckpointColumns;
  /** The window of a checkpoint; undefined: it is damaged. */
  windowOf(checkpoint: number): Uint8Array | undefined;
}

/** What the readers of one thread share. */
export interface ReadingResources {
  cursors: CursorPool;
  windows: BufferPool; // WINDOW_SIZE
  pages: BufferPool; // PAGE_SIZE
}

type Deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => void;

/** Makes windows of one layer's uncompressed bytes: resumes at checkpoints, goes on where it stopped. */
export class WindowReader {
  readonly #layer: ReadableLayer;
  readonly #blob: BlobReader;
  readonly #resources: ReadingResources;

  constructor(layer: ReadableLayer, blob: BlobReader, resources: ReadingResources) {
    this.#layer = layer;
    this.#blob = blob;
    this.#resources = resources;
  }

  /**
   * Delivers windows `first` to `first + count - 1` in order, each in a buffer of the pool that is the receiver's from
   * then on; the last window of a layer is shorter.
   * @throws LayerslayerError as BlobReader.read; CORRUPT_LAYER when the index does not fit the blob
   */
  async read(first: number, count: number, deliver: Deliver, signal?: AbortSignal): Promise<void> {
    const end = Math.min((first + count) * WINDOW_SIZE, this.#layer.tarSize);
    if (this.#layer.compression === 'none') await this.#copy(first, end, deliver, signal);
    else await this.#inflate(first, end, deliver, signal);
  }

  /** @param end byte of the tar */
  async #copy(first: number, end: number, deliver: Deliver, signal?: AbortSignal): Promise<void> {
    const { windows, pages } = this.#resources;
    const page = pages.take(PAGE_SIZE);
    let number = first;
    for (let at = first * WINDOW_SIZE; at < end; ) {
      const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), end - at);
      const bytes = await this.#blob.read(at, length, signal, page);
      for (let from = 0; from < length; from += WINDOW_SIZE) {
        const window = windows.take(Math.min(WINDOW_SIZE, length - from));
        window.set(bytes.subarray(from, from + window.length));
        deliver(number++, window);
      }
      at += length;
    }
    // Not after a fault: a read that was given up may still fill it.
    pages.giveBack(page.buffer);
  }

  /** @param end byte of the tar */
  async #inflate(first: number, end: number, deliver: Deliver, signal?: AbortSignal): Promise<void> {
    const { checkpoints } = this.#layer;
    const { cursors, windows } = this.#resources;
    const start = first * WINDOW_SIZE;
    const nearest = checkpointBefore(checkpoints, start);
    await cursors.use(
      { owner: this, from: checkpoints.outOffsets[nearest]!, to: start },
      async (live, resumed) => {
        if (!resumed) this.#seek(live.cursor, nearest);
        await this.#produce(live, undefined, start - live.cursor.outOffset, signal);
        let number = first;
        for (let at = start; at < end; at += WINDOW_SIZE) {
          const window = windows.take(Math.min(WINDOW_SIZE, end - at));
          await this.#produce(live, window, window.length, signal);
          deliver(number++, window);
        }
      },
      signal,
    );
  }

  /** Goes to a checkpoint, or to the last one before it whose window is whole. */
  #seek(cursor: GzipCursor, nearest: number): void {
    const { checkpoints, digest } = this.#layer;
    for (let number = nearest; number >= 0; number--) {
      const window = this.#layer.windowOf(number);
      if (!window) continue;
      const memberStart = checkpoints.bits[number] === MEMBER_START;
      cursor.seek({
        inOffset: checkpoints.inOffsets[number]!,
        bits: memberStart ? 0 : checkpoints.bits[number]!,
        outOffset: checkpoints.outOffsets[number]!,
        window,
        memberStart,
      });
      return;
    }
    throw new LayerslayerError('CORRUPT_LAYER', `the index of layer ${shortDigest(digest)} has no start`);
  }

  /** Inflates `length` bytes into `target`, or past them when there is no target. */
  async #produce(
    live: LiveCursor,
    target: Uint8Array | undefined,
    length: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const { cursor } = live;
    let done = 0;
    while (done < length) {
      const made = this.#advance(cursor, target?.subarray(done), length - done);
      done += made;
      if (made > 0) continue;
      if (cursor.ended || cursor.inputOffset >= this.#blob.size) {
        throw new LayerslayerError(
          'CORRUPT_LAYER',
          `${this.#doing(cursor)}: the blob ends there, the index knows ${length - done} bytes more`,
        );
      }
      await this.#feed(live, signal);
    }
  }

  #advance(cursor: GzipCursor, target: Uint8Array | undefined, length: number): number {
    try {
      return target ? cursor.read(target) : cursor.skip(length);
    } catch (error) {
      throw withContext(error, this.#doing(cursor));
    }
  }

  async #feed(live: LiveCursor, signal?: AbortSignal): Promise<void> {
    const { cursor } = live;
    const at = cursor.inputOffset;
    let { fed } = live;
    if (!fed || at < fed.offset || at >= fed.offset + fed.bytes.length) {
      const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), this.#blob.size - at);
      fed = { offset: at, bytes: await this.#blob.read(at, length, signal, live.page) };
      live.fed = fed;
    }
    cursor.push(fed.bytes.subarray(at - fed.offset), fed.offset + fed.bytes.length === this.#blob.size);
  }

  #doing(cursor: GzipCursor): string {
    return `reading layer ${shortDigest(this.#layer.digest)} at ${cursor.outOffset}`;
  }
}
