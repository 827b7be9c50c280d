import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import type { ByteLru } from '../../cache/byte-lru.js';
import type { ContentStore } from '../../cache/content-store.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import type { Blob } from '../blob.js';
import { BLOCK_SIZE, type BlockDigests, PAGE_SIZE, PageAssembler, pageLength, pageOf } from '../page.js';
import { areBlocks } from './block-digests.js';
import { blockKey, CachedPages, unverifiedFolder } from './cached-pages.js';

/** Requests of one blob at once. */
const MOST_REQUESTS = 4;
/** And of those for read-ahead: the rest is for readers that wait. */
const MOST_READ_AHEADS = 2;
/** Longest request, in blocks (8 MiB). */
const LONGEST_REQUEST = 128;
/** Delay of a block's write: readers do not wait for locks and files. */
const WRITE_DELAY_MS = 100;
/** Most blocks that wait for it (1 MiB). */
const MOST_UNWRITTEN = 16;

export interface FetchedBlocksOptions {
  blob: Blob;
  digest: Digest; // of the blob
  /** Undefined: the blocks are not checked, and cached apart. Readers check what they decode. */
  blockDigests: BlockDigests | undefined;
  store: ContentStore;
  /** Blocks fetched lately, by `blockKey`, one for all blobs: read-ahead works without a disk. */
  recent: ByteLru<string, Uint8Array>;
  log: Log;
  /** Ends every request of this blob. */
  signal?: AbortSignal | undefined;
}

/** A block that is being fetched, and the readers that wait for it. */
interface Flight {
  number: number;
  block: Promise<Uint8Array>;
  land(block: Uint8Array): void;
  fail(error: unknown): void; // no effect on a block that has landed
}

export interface BlocksReadOptions {
  /** The bytes before this are needed soon: what is missing of them comes in the same request. */
  aheadEnd?: number | undefined;
  /**
   * A reader found wrong bytes: those up to `aheadEnd` are dropped everywhere and fetched again,
   * over another connection.
   */
  fresh?: boolean | undefined;
}

/**
 * The blocks of a remote blob: each is fetched once for all that wait for it, checked and cached.
 * Damaged blocks are fetched once more, over another connection.
 */
export class FetchedBlocks {
  readonly #options: FetchedBlocksOptions;
  readonly #requests = new Semaphore(MOST_REQUESTS);
  readonly #cached: CachedPages;
  readonly #flights = new Map<number, Flight>();
  readonly #folder: string; // of the cache
  #readAheads = 0;
  readonly #unwritten: { offset: number; bytes: Uint8Array }[] = []; // blocks
  #writeTimer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: FetchedBlocksOptions) {
    this.#options = options;
    this.#folder = options.blockDigests ? options.digest : unverifiedFolder(options.digest);
    this.#cached = new CachedPages(options.store, this.#folder);
  }

  /**
   * Returns a copy of the bytes `[offset, offset + length)`.
   * @throws LayerslayerError as `Blob.read`; the signal's reason: other readers' requests continue
   */
  async read(
    offset: number,
    length: number,
    signal?: AbortSignal,
    { aheadEnd = 0, fresh = false }: BlocksReadOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted();
    if (length === 0) return new Uint8Array(0);
    // atomic: no await until every missing block has a flight
    const first = Math.floor(offset / BLOCK_SIZE);
    const end = Math.ceil((offset + length) / BLOCK_SIZE);
    const last = Math.max(end, Math.ceil(Math.min(aheadEnd, this.#options.blob.size) / BLOCK_SIZE));
    const missing: Flight[] = [];
    const blocks: (Uint8Array | Promise<Uint8Array>)[] = [];
    for (let number = first; number < end; number++) {
      if (fresh) this.#options.recent.delete(blockKey(this.#folder, number));
      const found = fresh ? undefined : (this.#recent(number) ?? this.#flights.get(number)?.block);
      if (!found) missing.push(this.#begin(number));
      blocks.push(found ?? missing.at(-1)!.block);
    }
    const ahead = Array.from({ length: last - end }, (_, i) => end + i);
    if (fresh) {
      for (const number of ahead) this.#options.recent.delete(blockKey(this.#folder, number));
      missing.push(...ahead.map((number) => this.#begin(number)));
      void this.#refetch(missing);
    } else {
      missing.push(...this.#missing(ahead).map((number) => this.#begin(number)));
      void this.#request(missing);
    }
    const bytes = new Uint8Array(length);
    for (const [i, block] of (await abortable(Promise.all(blocks), signal)).entries()) {
      const at = (first + i) * BLOCK_SIZE - offset;
      const skip = Math.max(0, -at);
      bytes.set(block.subarray(skip, length - at), at + skip);
    }
    return bytes;
  }

  /**
   * Fetches `[offset, end)` for readers to come, unless half of it is already here or on its way:
   * then this is asked again, further on, and the network need not be asked for a little at a time.
   */
  prefetch(offset: number, end: number): void {
    if (this.#readAheads === MOST_READ_AHEADS) return;
    const { size } = this.#options.blob;
    const first = Math.floor(offset / BLOCK_SIZE);
    // Long ranges end with a page: a page is one file in the cache.
    const unit = end - offset > PAGE_SIZE ? PAGE_SIZE : BLOCK_SIZE;
    const last = Math.ceil(Math.min(Math.ceil(end / unit) * unit, size) / BLOCK_SIZE);
    const half = (last - first) / 2;
    const missing = this.#missing(
      Array.from({ length: last - first }, (_, i) => first + i),
      half,
    );
    if (missing.length < half) return;
    this.#readAheads++;
    void this.#request(missing.map((number) => this.#begin(number))).finally(() => this.#readAheads--);
  }

  /** Writes the blocks that wait for it to the cache. */
  flush(): Promise<void> {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    const blocks = this.#unwritten.splice(0);
    this.#writing = this.#writing.then(async () => {
      for (const { offset, bytes } of blocks) await this.#cached.writeBlock(offset, bytes);
    });
    return this.#writing;
  }

  #recent(number: number): Uint8Array | undefined {
    return this.#options.recent.get(blockKey(this.#folder, number));
  }

  /**
   * Returns the blocks that are neither here, nor on their way, nor on disk.
   * @param atLeast for fewer the disk is not asked: none are returned
   */
  #missing(blocks: readonly number[], atLeast = 1): number[] {
    const unknown = blocks.filter((number) => !this.#flights.has(number) && !this.#recent(number));
    return unknown.length < atLeast ? [] : this.#cached.missing(unknown);
  }

  #begin(number: number): Flight {
    let land!: (block: Uint8Array) => void;
    let fail!: (error: unknown) => void;
    const block = new Promise<Uint8Array>((resolve, reject) => {
      land = resolve;
      fail = reject;
    });
    block.catch(() => {}); // it may have no reader
    const flight = { number, block, land, fail };
    this.#flights.set(number, flight);
    return flight;
  }

  /** As `#request`, after the wrong bytes have left the cache. */
  async #refetch(flights: readonly Flight[]): Promise<void> {
    this.#options.blob.reconnect?.();
    await this.flush(); // or blocks that wait would be written after the right ones
    for (const page of new Set(flights.map(({ number }) => pageOf(number * BLOCK_SIZE)))) {
      await this.#cached.remove(page);
    }
    await this.#request(flights);
  }

  /** Never rejects: faults go to the flights. @param flights in order */
  async #request(flights: readonly Flight[]): Promise<void> {
    await Promise.all(runsOf(flights).map((run) => this.#requests.run(() => this.#requestRun(run))));
  }

  async #requestRun(run: readonly Flight[]): Promise<void> {
    const { log, blob } = this.#options;
    try {
      const damaged = await this.#fetch(run);
      if (damaged.length === 0) return;
      log.warn(`${this.#name(damaged[0]!)}: wrong bytes came, fetching them again`);
      // Another connection, or another server behind the name, may have the right bytes.
      blob.reconnect?.();
      for (const again of runsOf(damaged)) {
        for (const flight of await this.#fetch(again)) {
          const message = `${this.#name(flight)}: the bytes are not those of the digest, twice`;
          flight.fail(new LayerslayerError('DIGEST_MISMATCH', message));
        }
      }
    } catch (error) {
      for (const flight of run) flight.fail(asLayerslayerError(error));
    } finally {
      // However a flight ended, the next reader tries again.
      for (const flight of run) this.#end(flight);
    }
  }

  /** @returns the flights whose bytes are wrong; the others have landed */
  async #fetch(run: readonly Flight[]): Promise<Flight[]> {
    const { blob, digest, blockDigests, recent, signal } = this.#options;
    const first = run[0]!.number;
    const from = first * BLOCK_SIZE;
    const to = Math.min((first + run.length) * BLOCK_SIZE, blob.size);
    const damaged: Flight[] = [];
    const uncached = new Set<number>(); // blocks that are damaged, or that are fetched again meanwhile
    let page: Uint8Array = new Uint8Array(0); // what the run has of one page, and where that starts
    let pageStart = from;
    let filled = 0;
    const takeBuffer = (length: number) => {
      if (filled === page.length) {
        pageStart += filled;
        const pageEnd = pageOf(pageStart) * PAGE_SIZE + pageLength(pageOf(pageStart), to);
        page = Buffer.allocUnsafeSlow(pageEnd - pageStart);
        filled = 0;
      }
      return page.subarray(filled, filled + length);
    };
    let pageIsRight = true;
    const onBlock = (block: Uint8Array, number: number): Promise<void> | undefined => {
      const flight = run[number - first]!;
      filled += block.length;
      if (!blockDigests || areBlocks(block, number * BLOCK_SIZE, blockDigests)) {
        // A copy: a view would keep the whole page, of which the cache counts a block.
        if (this.#flights.get(number) === flight) {
          recent.set(blockKey(this.#folder, number), new Uint8Array(block), block.length);
        } else uncached.add(number);
        flight.land(block);
        this.#end(flight);
      } else {
        damaged.push(flight);
        uncached.add(number);
      }
      pageIsRight &&= !uncached.has(number);
      if (filled < page.length) return undefined;
      // The stream waits, so that pages to be written do not pile up.
      const isWhole = pageIsRight && page.length === pageLength(pageOf(pageStart), blob.size);
      pageIsRight = true;
      if (isWhole) return this.#cached.write(pageOf(pageStart), page);
      for (let at = 0; at < page.length; at += BLOCK_SIZE) {
        const offset = pageStart + at;
        if (uncached.has(offset / BLOCK_SIZE)) continue;
        this.#unwritten.push({ offset, bytes: page.subarray(at, at + BLOCK_SIZE) });
      }
      if (this.#unwritten.length > MOST_UNWRITTEN) return this.flush();
      this.#writeTimer ??= setTimeout(() => this.flush(), WRITE_DELAY_MS);
      return undefined;
    };
    const assembler = new PageAssembler(from, to, BLOCK_SIZE, takeBuffer, onBlock);
    await blob.stream(from, to, (chunk) => assembler.add(chunk), signal);
    if (assembler.offset < to) {
      throw new LayerslayerError(
        'IO_FAILED',
        `reading ${shortDigest(digest)} at ${from}: the source ended before ${to}`,
      );
    }
    return damaged;
  }

  #end(flight: Flight): void {
    if (this.#flights.get(flight.number) === flight) this.#flights.delete(flight.number);
  }

  #name({ number }: Flight): string {
    return `block ${number} of ${shortDigest(this.#options.digest)}, at ${number * BLOCK_SIZE}`;
  }
}

/** Neighbours travel in one request, up to its longest. */
function runsOf(flights: readonly Flight[]): Flight[][] {
  const runs: Flight[][] = [];
  for (const flight of flights) {
    const run = runs.at(-1);
    if (run && flight.number === run[0]!.number + run.length && run.length < LONGEST_REQUEST)
      run.push(flight);
    else runs.push([flight]);
  }
  return runs;
}
