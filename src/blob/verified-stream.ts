import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { abortable } from '../base/tasks/abortable.js';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, digestAlgorithm, shortDigest } from '../oci/digest.js';
import type { StreamedBlob } from './blob.js';
import { BlobHasher } from './blocks/block-digests.js';
import { CachedPages, PageRunWriter } from './blocks/cached-pages.js';
import { type BlockDigests, PAGE_SIZE, PageAssembler, pageLength, pageOf, type TakeBuffer } from './page.js';

export interface VerifiedStreamOptions {
  digest: Digest; // what the whole blob must have
  /** Pages that an earlier stream left there are not fetched. */
  store: ContentStore;
  /** Whether pages that are there are used: else all are fetched. Default: yes. */
  usesPages?: boolean | undefined;
  /** Whether the pages that come are written there too. It takes pages, not chunks. */
  keepsPages?: boolean;
  /** Whether the digests of blocks are wanted; default: yes. */
  hasBlockDigests?: boolean;
  /**
   * Returns a buffer for a page. At least two are in circulation: one is written to disk while the
   * next is filled. Without it parts come as they arrive.
   */
  takeBuffer?: TakeBuffer | undefined;
  /**
   * An attempt begins. The second one follows wrong bytes: what came before is void.
   * @param hasher is given the blob's bytes that the caller has already, whole pages
   * @returns how many those are
   */
  onStart?(isRetry: boolean, hasher: BlobHasher): number | Promise<number>;
  /**
   * Takes the blob's next bytes, not verified before the end of the stream. A promise pauses the
   * stream. With `takeBuffer` a part is a page, and its buffer is the receiver's; else it is valid
   * until the promise resolves.
   */
  onPart(bytes: Uint8Array, offset: number): void | Promise<void>;
  log: Log;
  signal?: AbortSignal | undefined;
}

/**
 * Streams a whole blob, from cached pages and from its source, and checks its digest. Wrong bytes
 * are fetched once more, all of them and over another connection.
 *
 * Pages that were written stay on disk when the source fails or the signal aborts: the next stream
 * begins with them. They are removed when the digest is wrong or `onPart` throws: a receiver that
 * finds the content damaged should rather take the rest, and the digest tells whether the damage
 * came on the way.
 * @returns the digests of the blob's blocks
 * @throws LayerslayerError DIGEST_MISMATCH, twice; the source's and the receiver's errors; the
 *   signal's reason
 */
export async function streamVerified(
  blob: StreamedBlob,
  options: VerifiedStreamOptions,
): Promise<BlockDigests> {
  try {
    return await attempt(blob, options, false);
  } catch (error) {
    if (!isMismatch(error)) throw error;
    options.log.warn(`${error.message}; trying once more`);
    return attempt(blob, options, true);
  }
}

async function attempt(
  blob: StreamedBlob,
  options: VerifiedStreamOptions,
  isRetry: boolean,
): Promise<BlockDigests> {
  const { digest, hasBlockDigests = true, usesPages = true } = options;
  const { size } = blob;
  const hasher = new BlobHasher(digestAlgorithm(digest), size, hasBlockDigests);
  const delivery = new Delivery(options, hasher, size);
  const { cached } = delivery;
  let usesCache = false;
  try {
    const onDisk = isRetry || !usesPages ? new Set<number>() : cached.pagesOnDisk(size);
    for (let at = (await options.onStart?.(isRetry, hasher)) ?? 0; at < size; ) {
      options.signal?.throwIfAborted();
      if (onDisk.has(pageOf(at)) && (await delivery.addCached(at))) {
        usesCache = true;
        at += pageLength(pageOf(at), size);
        continue;
      }
      cached.forgetRun(pageOf(at), onDisk);
      let end = at;
      do end = Math.min(end + PAGE_SIZE, size);
      while (end < size && !onDisk.has(pageOf(end)));
      await delivery.addStreamed(blob, at, end);
      if (hasher.size < end) break; // the source ended early
      at = end;
    }
    await delivery.end();
    const found = hasher.finish();
    if (hasher.size === size && found.digest === digest) return found.blockDigests;
    const wrong =
      hasher.size === size
        ? `content is ${shortDigest(found.digest)}, want ${shortDigest(digest)}`
        : `reading ${shortDigest(digest)}: got ${hasher.size} bytes, want ${size}`;
    throw new LayerslayerError('DIGEST_MISMATCH', wrong);
  } catch (error) {
    await delivery.end().catch(() => {}); // buffers under way are still ours
    const isWrong = isMismatch(error);
    // Another attempt, here or by the caller, needs other bytes.
    if (isWrong) blob.reconnect?.();
    const hasWritten = options.keepsPages && (isWrong || delivery.receiverFailed);
    if (hasWritten || (isWrong && usesCache)) await cached.removeAll(size);
    throw error;
  }
}

/** More bytes came than the blob has, or the source itself found that they are others. */
function isMismatch(error: unknown): error is LayerslayerError {
  return error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
}

/**
 * Hashes, writes and hands over the parts of one attempt; a page while the next one is received.
 */
class Delivery {
  receiverFailed = false;
  readonly cached: CachedPages;
  readonly #writer: PageRunWriter | undefined;
  #page: Uint8Array | undefined; // for cached pages, if the receiver lends no buffer
  #underWay: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: VerifiedStreamOptions,
    private readonly hasher: BlobHasher,
    private readonly size: number,
  ) {
    this.cached = new CachedPages(options.store, options.digest);
    this.#writer = options.keepsPages ? new PageRunWriter(this.cached, size) : undefined;
  }

  /** @returns false if the page is not on disk, not whole */
  async addCached(offset: number): Promise<boolean> {
    const length = pageLength(pageOf(offset), this.size);
    // Before a buffer is taken: one that is taken has to be handed over.
    this.#page ??= new Uint8Array(PAGE_SIZE);
    if (this.cached.fillSync(this.#page.subarray(0, length), offset) < length) return false;
    let page = this.#page.subarray(0, length);
    if (this.options.takeBuffer) {
      page = (await this.#take(length)).subarray(0, length);
      page.set(this.#page.subarray(0, length));
    }
    await this.#add(page, offset, true);
    if (!this.options.takeBuffer) await this.#underWay;
    return true;
  }

  async addStreamed(blob: StreamedBlob, from: number, end: number): Promise<void> {
    const { takeBuffer, signal } = this.options;
    if (takeBuffer) {
      const take = (length: number) => this.#take(length);
      const onPage = (page: Uint8Array, number: number) => this.#add(page, number * PAGE_SIZE, false);
      const assembler = new PageAssembler(from, end, PAGE_SIZE, take, onPage);
      await blob.stream(from, end, (chunk) => assembler.add(chunk), signal);
      return;
    }
    let at = from;
    const add = async (chunk: Uint8Array) => {
      await this.#add(chunk, at, false);
      at += chunk.length;
      await this.#underWay;
    };
    await blob.stream(from, end, add, signal);
  }

  async end(): Promise<void> {
    try {
      await this.#underWay;
    } finally {
      await this.#writer?.end();
    }
  }

  #take(length: number): Promise<Uint8Array> {
    return fromReceiver(() => this.options.takeBuffer!(length), this.options.signal);
  }

  /** Resolves when the part before this one is delivered. */
  async #add(bytes: Uint8Array, offset: number, isCached: boolean): Promise<void> {
    this.hasher.update(bytes);
    await this.#underWay;
    this.#underWay = this.#deliver(bytes, offset, isCached);
    this.#underWay.catch(() => {}); // the next add, or end, throws it
  }

  async #deliver(bytes: Uint8Array, offset: number, isCached: boolean): Promise<void> {
    const { onPart, signal } = this.options;
    if (!isCached) await this.#writer?.add(pageOf(offset), bytes);
    try {
      await fromReceiver(() => onPart(bytes, offset), signal);
    } catch (error) {
      this.receiverFailed = !signal?.aborted;
      throw error;
    }
  }
}

/** Waits for the receiver, but not for one that the same signal has ended: it returns no buffer. */
function fromReceiver<T>(ask: () => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  const answer = Promise.resolve(ask());
  answer.catch(() => {}); // it may fail after we have left
  return abortable(answer, signal);
}
