import { abortable } from '../base/abortable.js';
import { LayerslayerError } from '../base/errors.js';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, digestAlgorithm, shortDigest } from '../oci/digest.js';
import type { Blob } from './blob.js';
import { BlobHasher } from './block-digests.js';
import { CachedPages, type PageRunWriter } from './cached-pages.js';
import { type BlockDigests, PAGE_SIZE, pageCount, pageLength } from './page.js';
import { type OnPage, PageAssembler, type TakeBuffer } from './page-assembler.js';

export interface PageStreamOptions {
  digest: Digest; // of the whole blob: what it must turn out to be
  /** Where an earlier pass may have left pages. */
  store: ContentStore;
  /** Whether the pages that come are put there too. */
  keepsPages: boolean;
  /** Two buffers at least are in circulation: one is written to disk while the next is filled. */
  takeBuffer: TakeBuffer;
  /** Takes a page over, in order, with its buffer. Its bytes are not verified before the end of the whole stream. */
  onPage: OnPage;
  /**
   * Sees the bytes in order as they come, before they make a page, not verified either. A promise holds the stream back; the
   * chunk is valid until it resolves.
   */
  onChunk?(chunk: Uint8Array): void | Promise<void>;
  /** So many more bytes of the blob have passed, from the source or the disk. */
  onBytes?(count: number): void;
  signal?: AbortSignal;
}

/**
 * The sending side of an index pass: the whole blob once, in pages, each hashed and, if that is wanted, kept on disk if it fits. Pages that an
 * interrupted pass left on disk are taken from there up to the first that is missing: there is no digest yet to check each
 * by, but the digest of the whole decides about them too.
 *
 * Pages stay on disk when the source fails or the signal aborts. They are removed when the digest is wrong or `onPage`
 * throws: a consumer that finds the content damaged must throw there, or the damage would be read again for ever. Better still it takes the rest and throws nothing: then the digest tells whose fault it is.
 * @throws LayerslayerError DIGEST_MISMATCH; the source's and the consumer's errors; the signal's reason
 */
export async function streamPages(
  source: Blob,
  options: PageStreamOptions,
): Promise<{ pageDigests: BlockDigests }> {
  const { digest, store, signal } = options;
  const { size } = source;
  const kept = new CachedPages(store, digest);
  const hasher = new BlobHasher(digestAlgorithm(digest), size);
  const delivery = new Delivery(options, kept.stream(size));
  const takeBuffer: TakeBuffer = (length) => fromConsumer(() => options.takeBuffer(length), signal);
  const take = (page: Uint8Array, number: number, isKept: boolean) => {
    hasher.update(page);
    options.onBytes?.(page.length);
    return delivery.add(page, number, isKept);
  };
  try {
    const first = await takeKeptPages(kept, size, options, take);
    const from = Math.min(first * PAGE_SIZE, size);
    const onPage = (page: Uint8Array, number: number) => take(page, number, false);
    const assembler = new PageAssembler(from, size, PAGE_SIZE, takeBuffer, onPage);
    const { onChunk } = options;
    const add = async (chunk: Uint8Array) => {
      await fromConsumer(() => onChunk?.(chunk), signal);
      await assembler.add(chunk);
    };
    if (from < size) {
      await source.stream(from, size, onChunk ? add : (chunk) => assembler.add(chunk), signal);
    }
    await delivery.end();
  } catch (error) {
    await delivery.end().catch(() => {}); // buffers under way are still ours
    if (delivery.consumerFailed || isMismatch(error)) await kept.removeAll(size);
    throw error;
  }
  const found = hasher.finish();
  if (hasher.size === size && found.digest === digest) return { pageDigests: found.blockDigests };
  await kept.removeAll(size);
  throw new LayerslayerError(
    'DIGEST_MISMATCH',
    `reading ${shortDigest(digest)}: got ${hasher.size} bytes of ${shortDigest(found.digest)}, want ${size}`,
  );
}

/** More bytes came than the blob has, or the source found out by itself that they are others. */
function isMismatch(error: unknown): boolean {
  return error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
}

/** @returns the first page that is not on disk */
async function takeKeptPages(
  kept: CachedPages,
  size: number,
  options: PageStreamOptions,
  take: (page: Uint8Array, number: number, isKept: boolean) => Promise<void>,
): Promise<number> {
  for (let number = 0; number < pageCount(size); number++) {
    options.signal?.throwIfAborted();
    const length = pageLength(number, size);
    const content = kept.readSync(number);
    if (content?.length !== length) return number;
    const page = (await fromConsumer(() => options.takeBuffer(length), options.signal)).subarray(0, length);
    page.set(content);
    await fromConsumer(() => options.onChunk?.(page), options.signal);
    await take(page, number, true);
  }
  return pageCount(size);
}

/** Waits for the consumer, but not for one that the same signal has ended: it gives no buffer back and takes no page. */
function fromConsumer<T>(ask: () => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  const answer = Promise.resolve(ask());
  answer.catch(() => {}); // it may fail after we have left
  return abortable(answer, signal);
}

/** Keeps a page and hands it over while the next one is received; one at a time, in order. */
class Delivery {
  consumerFailed = false;
  readonly #options: PageStreamOptions;
  readonly #keeper: PageRunWriter;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: PageStreamOptions, keeper: PageRunWriter) {
    this.#options = options;
    this.#keeper = keeper;
  }

  /** Resolves when the page before this one is delivered. */
  async add(page: Uint8Array, number: number, isKept: boolean): Promise<void> {
    await this.#underWay;
    this.#underWay = this.#deliver(page, number, isKept);
    this.#underWay.catch(() => {}); // told by the next add, or by end
  }

  async end(): Promise<void> {
    try {
      await this.#underWay;
    } finally {
      await this.#keeper.end();
    }
  }

  async #deliver(page: Uint8Array, number: number, isKept: boolean): Promise<void> {
    const { onPage, signal } = this.#options;
    if (!isKept && this.#options.keepsPages) await this.#keeper.add(number, page);
    try {
      await fromConsumer(() => onPage(page, number), signal);
    } catch (error) {
      this.consumerFailed = !signal?.aborted;
      throw error;
    }
  }
}
