import type { WantedBlob } from './blobs/wanted-blobs.js';
import type { LayerProgress } from './image-session.js';
import type { BlobNumber } from './inflate/inflate-protocol.js';

/** How often the progress of a running pass is reported. */
const REPORT_INTERVAL_MS = 100;

/** A blob of an operation. */
export interface ReportedBlob extends WantedBlob {
  blob: BlobNumber;
}

/** Reports how far the layers of one operation are, at changes of state and while passes run. */
export class ProgressReport {
  readonly #tell: (progress: LayerProgress) => void;
  readonly #doneBytes: (blob: BlobNumber) => number;
  readonly #running = new Set<ReportedBlob>();
  #timer: NodeJS.Timeout | undefined;

  /** @param doneBytes of a running pass */
  constructor(
    tell: ((progress: LayerProgress) => void) | undefined,
    doneBytes: (blob: BlobNumber) => number,
  ) {
    this.#tell = tell ?? (() => {});
    this.#doneBytes = doneBytes;
  }

  waiting(of: ReportedBlob): void {
    this.#say(of, 'waiting', 0);
  }

  indexing(of: ReportedBlob): void {
    this.#running.add(of);
    this.#timer ??= setInterval(() => this.#tellRunning(), REPORT_INTERVAL_MS);
    this.#say(of, 'indexing', 0);
  }

  /** @param cached the index was cached */
  done(of: ReportedBlob, cached: boolean): void {
    this.#say(of, 'done', of.size, cached);
  }

  passEnded(of: ReportedBlob): void {
    this.#running.delete(of);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tellRunning(): void {
    for (const of of this.#running) {
      this.#say(of, 'indexing', Math.min(this.#doneBytes(of.blob), of.size));
    }
  }

  #say(
    { numbers, size }: ReportedBlob,
    state: LayerProgress['state'],
    doneBytes: number,
    cached = false,
  ): void {
    for (const layer of numbers) this.#tell({ layer, state, cached, doneBytes, totalBytes: size });
  }
}
