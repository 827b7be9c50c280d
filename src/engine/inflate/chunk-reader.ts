import { LayerslayerError, withContext } from '../../base/errors.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import type { BlobReader } from '../../blob/blob.js';
import { BLOCK_SIZE, PAGE_SIZE } from '../../blob/page.js';
import { BLOB_START, type Checkpoint, type Codec, type Cursor } from '../../codec/codec.js';
import {
  type CheckpointColumns,
  checkpointBefore,
  inputOffsetAt,
  statelessBefore,
} from '../../index/states/checkpoints.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import type { CursorPool, LiveCursor } from './cursor-pool.js';
import type { Deliver, LayerReader, ReadOptions } from './layer-reader.js';

/** Compressed bytes fetched past the estimated end: a cursor leaves some undecoded. */
const INPUT_SLACK = 4096;

/**
 * Compressed bytes fetched ahead at most (12 MiB). Half of them are on their way when more are
 * asked for: that hides a latency of 0.1 s up to 60 MB/s.
 */
const LONGEST_AHEAD = 48 * PAGE_SIZE;

/**
 * The unit in which uncompressed bytes are requested and cached. A cold random read waits for a
 * whole chunk; smaller ones would make more of a sequential MiB.
 */
export const CHUNK_SIZE = 32 * 1024;

/**
 * Chunks travel between threads in runs of at most this many bytes: a message that wakes a thread
 * costs 0.1 ms, as much as inflating two chunks (measured).
 */
export const RUN_SIZE = PAGE_SIZE;

export interface ReadableLayer {
  digest: Digest;
  codec: Codec;
  tarSize: number;
  checkpoints: CheckpointColumns; // none if the codec has `checkpointAt`
  /** Returns a checkpoint by its number, or undefined if it is damaged or its state is gone. */
  checkpoint(number: number): Checkpoint | undefined;
  /** Returns false if only checkpoints with an empty state can be read. Default: all can. */
  hasStates?(): boolean;
  /** Instead of `checkpoint`, if states are fetched. @throws LayerslayerError as `Blob.read` */
  fetchCheckpoint?(number: number, signal?: AbortSignal): Promise<Checkpoint | undefined>;
}

/** Reads chunks of one layer: resumes at checkpoints, or where one of its cursors stopped. */
export class ChunkReader implements LayerReader {
  readonly #layer: ReadableLayer;
  readonly #blob: BlobReader;
  readonly #cursors: CursorPool;
  /**
   * Without states, a read that begins while the last one has the cursor would decode all bytes
   * before it again. So one waits for the other.
   */
  readonly #turns = new Semaphore(1);

  /** @param cursors those of the thread; their buffers have RUN_SIZE */
  constructor(layer: ReadableLayer, blob: BlobReader, cursors: CursorPool) {
    this.#layer = layer;
    this.#blob = blob;
    this.#cursors = cursors;
  }

  async read(
    first: number,
    count: number,
    deliver: Deliver,
    { likelyEnd = first + count, signal }: ReadOptions = {},
  ): Promise<void> {
    const start = first * CHUNK_SIZE;
    const end = Math.min(start + count * CHUNK_SIZE, this.#layer.tarSize);
    const ahead = Math.min(likelyEnd * CHUNK_SIZE, this.#layer.tarSize);
    if (this.#layer.codec.isIdentity) await this.#copy(start, end, ahead, deliver, signal);
    else if (this.#layer.hasStates?.() === false)
      await this.#turns.run(() => this.#decode(start, end, ahead, deliver, signal), signal);
    else await this.#decode(start, end, ahead, deliver, signal);
  }

  /** Announces compressed bytes `[from, end)` if one read does not take them all. */
  #prefetch(from: number, end: number): void {
    if (end - from > PAGE_SIZE) this.#blob.prefetch(from, Math.min(end, from + LONGEST_AHEAD));
  }

  /** Announces what is read after a state that is fetched: both come in one round trip. */
  #prefetchSpan(number: number, inputEnd: number): void {
    const { fetchCheckpoint, checkpoints } = this.#layer;
    if (!fetchCheckpoint || number < 0) return;
    const from = Math.max(0, checkpoints.inOffsets[number]! - 1); // a state may share the byte before
    this.#blob.prefetch(from, Math.min(inputEnd, from + LONGEST_AHEAD));
  }

  /** As `#decode`, for a blob that is the tar: no cursor, no second copy. */
  async #copy(
    start: number,
    end: number,
    ahead: number,
    deliver: Deliver,
    signal?: AbortSignal,
  ): Promise<void> {
    this.#prefetch(start, ahead);
    for (let at = start; at < end; ) {
      const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), end - at);
      const run = this.#cursors.buffers.take();
      const bytes = await this.#blob.read(at, length, signal, run);
      if (bytes.buffer !== run.buffer) run.set(bytes);
      const from = bytes.buffer === run.buffer ? bytes.byteOffset : 0;
      deliver(at / CHUNK_SIZE, run.subarray(from, from + length));
      at += length;
    }
  }

  /** Bytes `[start, end)` of the tar. Those before `ahead` will likely follow. */
  async #decode(
    start: number,
    end: number,
    ahead: number,
    deliver: Deliver,
    signal?: AbortSignal,
  ): Promise<void> {
    const { codec, checkpoints } = this.#layer;
    const nearest = this.#readableBefore(start);
    const from = codec.checkpointAt?.(start).outOffset ?? checkpoints.outOffsets[nearest] ?? 0;
    const inputEnd = this.#inputEnd(end);
    await this.#cursors.use(
      { owner: this, codec, from, to: start },
      async (live, resumed) => {
        if (!resumed) {
          const known = codec.checkpointAt?.(start);
          if (!known) this.#prefetchSpan(nearest, inputEnd);
          this.#seek(live.cursor, known ?? (await this.#intact(nearest, signal)));
        }
        const { fed, cursor } = live;
        const has = fed ? fed.offset + fed.bytes.length : 0;
        this.#prefetch(Math.max(has, cursor.inputOffset), this.#inputEnd(ahead));
        await this.#produce(live, undefined, start - live.cursor.outOffset, inputEnd, signal);
        for (let at = start; at < end; at += RUN_SIZE) {
          const run = this.#cursors.buffers.take(Math.min(RUN_SIZE, end - at));
          await this.#produce(live, run, run.length, inputEnd, signal);
          deliver(at / CHUNK_SIZE, run);
        }
      },
      signal,
    );
  }

  /** About where the compressed bytes of the tar up to `outOffset` end. */
  #inputEnd(outOffset: number): number {
    const { checkpoints, codec, tarSize } = this.#layer;
    const end = codec.checkpointAt?.(outOffset).inOffset ?? inputOffsetAt(checkpoints, outOffset);
    if (end < Number.POSITIVE_INFINITY) return end + INPUT_SLACK;
    const last = checkpoints.length - 1; // the last span ends where the blob does
    const inOffset = checkpoints.inOffsets[last]!;
    const passed = outOffset - checkpoints.outOffsets[last]!;
    const share = passed / Math.max(1, tarSize - checkpoints.outOffsets[last]!);
    return inOffset + share * (this.#blob.size - inOffset) + INPUT_SLACK;
  }

  /**
   * The checkpoint at `outOffset`, or the last one before it with an empty state if it is damaged:
   * see `Cursor`.
   */
  async #checkpointAt(outOffset: number, signal?: AbortSignal): Promise<Checkpoint> {
    const { checkpoints } = this.#layer;
    const number = this.#readableBefore(outOffset);
    const checkpoint = await this.#checkpoint(number, signal);
    if (checkpoint?.outOffset === outOffset) return checkpoint;
    return (await this.#checkpoint(statelessBefore(checkpoints, number), signal)) ?? BLOB_START;
  }

  /** Returns the number of the last checkpoint at or before `outOffset` whose state is not gone. */
  #readableBefore(outOffset: number): number {
    const { checkpoints } = this.#layer;
    const number = checkpointBefore(checkpoints, outOffset);
    return this.#layer.hasStates?.() === false ? statelessBefore(checkpoints, number) : number;
  }

  /** Returns undefined for a damaged one. */
  async #checkpoint(number: number, signal: AbortSignal | undefined): Promise<Checkpoint | undefined> {
    const { fetchCheckpoint } = this.#layer;
    return fetchCheckpoint ? fetchCheckpoint(number, signal) : this.#layer.checkpoint(number);
  }

  /** The checkpoint `nearest`, or the last one before it that is not damaged. */
  async #intact(nearest: number, signal?: AbortSignal): Promise<Checkpoint> {
    for (let number = nearest; number >= 0; number--) {
      const checkpoint = await this.#checkpoint(number, signal);
      if (checkpoint) return checkpoint;
    }
    const { digest } = this.#layer;
    throw new LayerslayerError('CORRUPT_LAYER', `the index of layer ${shortDigest(digest)} has no start`);
  }

  /**
   * Decodes `length` bytes into `target`, or skips them if there is no target.
   * @param inputEnd about where the compressed bytes end that are needed, by now or later
   */
  async #produce(
    live: LiveCursor,
    target: Uint8Array | undefined,
    length: number,
    inputEnd: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const { cursor } = live;
    let done = 0;
    const start = cursor.outOffset;
    while (done < length) {
      const behind = start + done - cursor.outOffset; // bytes to decode again
      const made =
        behind > 0
          ? this.#advance(cursor, undefined, behind)
          : this.#advance(cursor, target?.subarray(done), length - done);
      if (behind === 0) done += made;
      if (made > 0) continue;
      if (cursor.mustSeek) {
        this.#seek(cursor, await this.#checkpointAt(cursor.outOffset, signal));
        continue;
      }
      if (cursor.ended || cursor.inputOffset >= this.#blob.size) {
        throw new LayerslayerError(
          'CORRUPT_LAYER',
          `${this.#doing(cursor)}: the blob ends there, the index knows ${length - done} bytes more`,
        );
      }
      await this.#feed(live, inputEnd, signal);
    }
  }

  #seek(cursor: Cursor, checkpoint: Checkpoint): void {
    try {
      cursor.seek(checkpoint);
    } catch (error) {
      const { digest } = this.#layer;
      throw withContext(error, `reading layer ${shortDigest(digest)} at ${checkpoint.outOffset}`);
    }
  }

  #advance(cursor: Cursor, target: Uint8Array | undefined, length: number): number {
    try {
      return target ? cursor.read(target) : cursor.skip(length);
    } catch (error) {
      throw withContext(error, this.#doing(cursor));
    }
  }

  async #feed(live: LiveCursor, inputEnd: number, signal?: AbortSignal): Promise<void> {
    const { cursor } = live;
    const at = cursor.inputOffset;
    let { fed } = live;
    if (!fed || at < fed.offset || at >= fed.offset + fed.bytes.length) {
      // What is needed, in whole blocks: they are what is fetched and checked. More than fits is
      // announced already, and comes by pages: a page is one file in the cache.
      const needed = Math.ceil(Math.max(inputEnd, at + 1) / BLOCK_SIZE) * BLOCK_SIZE;
      const fits = needed <= at - (at % BLOCK_SIZE) + PAGE_SIZE;
      if (!fits && at % (LONGEST_AHEAD / 2) < PAGE_SIZE) this.#prefetch(at, inputEnd);
      const unit = this.#blob.verifiedEnd?.(at) ?? this.#blob.size;
      const end = Math.min(fits ? needed : at - (at % PAGE_SIZE) + PAGE_SIZE, unit);
      fed = { offset: at, bytes: await this.#blob.read(at, end - at, signal, live.page) };
      live.fed = fed;
    }
    cursor.push(fed.bytes.subarray(at - fed.offset), fed.offset + fed.bytes.length === this.#blob.size);
  }

  #doing(cursor: Cursor): string {
    return `reading layer ${shortDigest(this.#layer.digest)} at ${cursor.outOffset}`;
  }
}
