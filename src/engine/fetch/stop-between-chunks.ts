import { LayerslayerError } from '../../base/errors.js';

/**
 * Ends a stream before its next chunk. An abort within a chunk would lose fetched bytes that the
 * receiver still has to process.
 */
export class StopBetweenChunks {
  readonly #stopped = new AbortController();
  #isStopping = false;
  #isBusy = false; // processing a chunk
  readonly #mayStop: () => boolean;

  /** @param mayStop asked before each stop; false lets a stream near its end continue */
  constructor(mayStop: () => boolean) {
    this.#mayStop = mayStop;
  }

  /** Aborted when the stream has to end. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  /** The stream begins again: an earlier `stop` does not count. */
  restart(): void {
    this.#isStopping = false;
  }

  stop(): void {
    this.#isStopping = true;
    if (!this.#isBusy && this.#mayStop()) this.#stopped.abort(STOPPED);
  }

  /**
   * Waits for the consumer of a chunk.
   * @throws LayerslayerError ABORTED if `stop` was called meanwhile, so that the stream requests no
   *   more
   */
  async after(consumed: Promise<void>): Promise<void> {
    this.#isBusy = true;
    try {
      await consumed;
    } finally {
      this.#isBusy = false;
    }
    if (!this.#isStopping || !this.#mayStop()) return;
    this.#stopped.abort(STOPPED);
    throw STOPPED;
  }
}

const STOPPED = new LayerslayerError('ABORTED', 'enough of the layer was read');
