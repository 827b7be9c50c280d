import { crc32, inflateRawSync } from 'node:zlib';
import { LayerslayerError } from '../base/errors.js';
import type { BlobReader } from '../blob/blob-reader.js';
import { PAGE_SIZE } from '../blob/page.js';
import type { Checkpoint } from '../gzip/checkpoint.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { CursorPool, LiveCursor } from './cursor-pool.js';
import { type CheckpointColumns, type Compression, checkpointBefore, MEMBER_START } from './layer-index.js';

/**
 * The unit in which uncompressed bytes are inflated, moved between threads and kept in memory. Smaller ones answer a
 * cold random read sooner (it waits for the whole window), larger ones cost fewer messages a sequential MiB.
 */
export const WINDOW_SIZE = 128 * 1024;

/** Buffers kept for the next windows: those of two requests of read-ahead. */
const IDLE_BUFFERS = 32;

export interface ReadableLayer {
  digest: Digest;
  compression: Compression;
  tarSize: number;
  checkpoints: CheckpointColumns;
  /** The deflated window of checkpoint `number`. */
  readWindow(number: number): Uint8Array;
}

/** Buffers that windows travel in: they come back, and are used again. */
export class WindowBuffers {
  readonly #idle: ArrayBuffer[] = [];

  take(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#idle.pop() ?? new ArrayBuffer(WINDOW_SIZE), 0, length);
  }

  giveBack(buffer: ArrayBuffer): void {
    if (this.#idle.length < IDLE_BUFFERS) this.#idle.push(buffer);
  }
}

/** Makes windows of one layer's uncompressed bytes: resumes at checkpoints, goes on where it stopped. */
export class WindowReader {
  readonly #layer: ReadableLayer;
  readonly #blob: BlobReader;
  readonly #cursors: CursorPool;
  readonly #buffers: WindowBuffers;

  constructor(layer: ReadableLayer, blob: BlobReader, cursors: CursorPool, buffers: WindowBuffers) {
    this.#layer = layer;
    this.#blob = blob;
    this.#cursors = cursors;
    this.#buffers = buffers;
  }

  /**
   * Delivers windows `first` to `first + count - 1` in order; the last window of a layer is shorter.
   * @throws LayerslayerError as BlobReader.read; CORRUPT_LAYER when the index does not fit the blob
   */
  async read(
    first: number,
    count: number,
    deliver: (number: number, bytes: Uint8Array<ArrayBuffer>) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#layer.compression === 'none') await this.#copy(first, count, deliver, signal);
    else await this.#inflate(first, count, deliver, signal);
  }

  #windowLength(number: number): number {
    return Math.min(WINDOW_SIZE, this.#layer.tarSize - number * WINDOW_SIZE);
  }

  async #copy(
    first: number,
    count: number,
    deliver: (number: number, bytes: Uint8Array<ArrayBuffer>) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const page = new Uint8Array(PAGE_SIZE);
    for (let number = first; number < first + count; number++) {
      const window = this.#buffers.take(this.#windowLength(number));
      // A copy: what a BlobReader returns may be a view of a page that others read too, and this buffer moves away.
      window.set(await this.#blob.read(number * WINDOW_SIZE, window.length, signal, page));
      deliver(number, window);
    }
  }

  async #inflate(
    first: number,
    count: number,
    deliver: (number: number, bytes: Uint8Array<ArrayBuffer>) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const start = first * WINDOW_SIZE;
    const nearest = checkpointBefore(this.#layer.checkpoints, start);
    await this.#cursors.use(
      { owner: this, from: this.#layer.checkpoints.outOffsets[nearest]!, to: start },
      async (live, resumed) => {
        const { cursor } = live;
        if (!resumed) cursor.seek(this.#checkpoint(nearest));
        await this.#produce(live, undefined, start - cursor.outOffset, signal);
        for (let number = first; number < first + count; number++) {
          const bytes = this.#buffers.take(this.#windowLength(number));
          await this.#produce(live, bytes, bytes.length, signal);
          deliver(number, bytes);
        }
      },
      signal,
    );
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
      const made = target ? cursor.read(target.subarray(done)) : cursor.skip(length - done);
      done += made;
      if (made > 0) continue;
      if (cursor.ended || cursor.inputOffset >= this.#blob.size) {
        throw new LayerslayerError(
          'CORRUPT_LAYER',
          `reading layer ${shortDigest(this.#layer.digest)}: it ends at ${cursor.outOffset}, ${length - done} bytes early`,
        );
      }
      await this.#feed(live, signal);
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

  #checkpoint(number: number): Checkpoint {
    const { inOffsets, bits, outOffsets, windowSizes, windowCrcs } = this.#layer.checkpoints;
    const size = windowSizes[number]!;
    const memberStart = bits[number] === MEMBER_START;
    let window: Uint8Array = new Uint8Array(0);
    if (size > 0) {
      window = inflateRawSync(this.#layer.readWindow(number), { maxOutputLength: size });
      if (window.length !== size || crc32(window) !== windowCrcs[number]) {
        throw new LayerslayerError(
          'CORRUPT_LAYER',
          `reading layer ${shortDigest(this.#layer.digest)}: window ${number} of its index is damaged; mount again to rebuild it`,
        );
      }
    }
    return {
      inOffset: inOffsets[number]!,
      bits: memberStart ? 0 : bits[number]!,
      outOffset: outOffsets[number]!,
      window,
      memberStart,
    };
  }
}
