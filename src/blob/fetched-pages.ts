import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Semaphore } from '../base/semaphore.js';
import type { ByteLru } from '../cache/byte-lru.js';
import type { ContentStore } from '../cache/content-store.js';
import { pageKey } from '../cache/store-layout.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { BlobSource } from './blob-reader.js';
import { KeptPages } from './kept-pages.js';
import { PAGE_SIZE, type PageDigests } from './page.js';
import { PageAssembler } from './page-assembler.js';
import { isPage } from './page-digest.js';
import { PageFlight } from './page-flight.js';
import type { PageSource } from './page-source.js';

/** Requests of one blob at once. */
const MOST_REQUESTS = 4;
/** And of those for read-ahead: the rest is for whoever waits. */
const MOST_READ_AHEADS = 2;
/** Longest request, in pages (8 MiB). */
const LONGEST_REQUEST = 32;

export interface FetchedPagesOptions {
  source: BlobSource;
  digest: Digest; // of the layer
  pageDigests: PageDigests;
  store: ContentStore;
  /** Pages that were fetched lately, by `pageKey`; one for all blobs of a thread. Makes read-ahead work without a disk. */
  recent: ByteLru<string, Uint8Array>;
  log: Log;
  /** Ends every request of this blob. */
  signal?: AbortSignal | undefined;
}

/** Pages from a blob's source: each is fetched once however many wait for it, checked, and kept. */
export class FetchedPages implements PageSource {
  readonly #options: FetchedPagesOptions;
  readonly #requests = new Semaphore(MOST_REQUESTS);
  readonly #readAheads = new Semaphore(MOST_READ_AHEADS);
  readonly #kept: KeptPages;
  readonly #flights = new Map<number, PageFlight>();
  #asked: PageFlight[] = []; // to request at the end of this turn

  constructor(options: FetchedPagesOptions) {
    this.#options = options;
    this.#kept = new KeptPages(options.store, options.digest);
  }

  async page(number: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    // atomic: no await until the flight is in the map
    const recent = this.#recent(number);
    if (recent) return recent;
    let flight = this.#flights.get(number);
    if (!flight) {
      flight = this.#begin(number);
      // Neighbours that are asked for in the same turn travel in one request.
      if (this.#asked.push(flight) === 1) queueMicrotask(() => this.#requestAsked());
    }
    return flight.wait(signal);
  }

  prefetch(first: number, end: number): void {
    void this.#readAheads.run(async () => {
      const flights: PageFlight[] = [];
      for (let number = first; number < end; number++) {
        if (!this.#flights.has(number) && !this.#recent(number)) flights.push(this.#begin(number));
      }
      await this.#requestRuns(flights);
    });
  }

  #recent(number: number): Uint8Array | undefined {
    return this.#options.recent.get(pageKey(this.#options.digest, number));
  }

  #begin(number: number): PageFlight {
    const flight = new PageFlight(number);
    this.#flights.set(number, flight);
    return flight;
  }

  /** Forgets a flight that has ended, however it ended: the next caller tries again. */
  #end(flight: PageFlight): void {
    if (this.#flights.get(flight.number) === flight) this.#flights.delete(flight.number);
  }

  #requestAsked(): void {
    const asked = this.#asked.sort((a, b) => a.number - b.number);
    this.#asked = [];
    void this.#requestRuns(asked);
  }

  /** Never rejects: faults go to the flights. */
  async #requestRuns(flights: readonly PageFlight[]): Promise<void> {
    const requests: Promise<void>[] = [];
    for (let i = 0; i < flights.length; ) {
      const run = [flights[i++]!];
      while (flights[i]?.number === run[0]!.number + run.length && run.length < LONGEST_REQUEST) {
        run.push(flights[i++]!);
      }
      requests.push(this.#requests.run(() => this.#request(run)));
    }
    await Promise.all(requests);
  }

  /** @param run flights of pages that lie side by side */
  async #request(run: readonly PageFlight[]): Promise<void> {
    const damaged: PageFlight[] = [];
    try {
      await this.#fetch(run, (flight) => damaged.push(flight));
      for (const flight of damaged) {
        this.#options.log.warn(
          `${this.#name(flight)}: the bytes are not those of the digest, fetching them again`,
        );
        this.#options.source.reconnect?.();
        // One more try: another connection or another server behind the name may hold the right bytes.
        await this.#fetch([flight], () => {
          const message = `${this.#name(flight)}: the bytes are not those of the digest, twice`;
          flight.fail(new LayerslayerError('DIGEST_MISMATCH', message));
        });
      }
    } catch (error) {
      for (const flight of run) flight.fail(asLayerslayerError(error));
    } finally {
      for (const flight of run) this.#end(flight);
    }
  }

  async #fetch(run: readonly PageFlight[], onDamaged: (flight: PageFlight) => void): Promise<void> {
    const { source, digest, pageDigests, recent, signal } = this.#options;
    const first = run[0]!.number;
    const end = first + run.length;
    const from = first * PAGE_SIZE;
    const to = Math.min(end * PAGE_SIZE, source.size);
    const onPage = async (page: Uint8Array, number: number) => {
      const flight = run[number - first]!;
      if (!isPage(page, number, pageDigests)) {
        onDamaged(flight);
        return;
      }
      recent.set(pageKey(digest, number), page, page.length);
      flight.land(page);
      this.#end(flight);
      await this.#kept.write(number, page); // the stream waits, so that pages to be written don't pile up
    };
    const assembler = new PageAssembler(first, to, (length) => Buffer.allocUnsafeSlow(length), onPage);
    await source.stream(from, to, (chunk) => assembler.add(chunk), signal);
    if (assembler.nextPage === end) return;
    throw new LayerslayerError(
      'IO_FAILED',
      `reading ${shortDigest(digest)} at ${from}: the source ended before ${to}`,
    );
  }

  #name({ number }: PageFlight): string {
    return `page ${number} of ${shortDigest(this.#options.digest)}, at ${number * PAGE_SIZE}`;
  }
}
