import type { BlobNumber } from '../layer/inflate-protocol.js';
import type { LayerProgress } from './image-session.js';

/** How often the progress of a running pass is told. */
const REPORT_INTERVAL_MS = 100;

/** Tells how far the layers of one `openLayers` are: at each change of state, and while passes run. */
export class ProgressReport {
  readonly #tell: (progress: LayerProgress) => void;
  readonly #doneBytes: (blob: BlobNumber) => number;
  readonly #running = new Map<number, { blob: BlobNumber; totalBytes: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    tell: ((progress: LayerProgress) => void) | undefined,
    doneBytes: (blob: BlobNumber) => number,
  ) {
    this.#tell = tell ?? (() => {});
    this.#doneBytes = doneBytes;
  }

  /** @param layer its number, from 1 */
  layer(layer: number, blob: BlobNumber, totalBytes: number) {
    const tell = (state: LayerProgress['state'], doneBytes: number, cached = false) =>
      this.#tell({ layer, state, cached, doneBytes, totalBytes });
    return {
      waiting: () => tell('waiting', 0),
      indexing: () => {
        this.#running.set(layer, { blob, totalBytes });
        this.#timer ??= setInterval(() => this.#tellRunning(), REPORT_INTERVAL_MS);
        tell('indexing', 0);
      },
      done: (cached: boolean) => {
        this.#running.delete(layer);
        tell('done', totalBytes, cached);
      },
    };
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tellRunning(): void {
    for (const [layer, { blob, totalBytes }] of this.#running) {
      const doneBytes = Math.min(this.#doneBytes(blob), totalBytes);
      this.#tell({ layer, state: 'indexing', cached: false, doneBytes, totalBytes });
    }
  }
}
