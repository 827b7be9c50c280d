import { LayerslayerError } from '../base/errors.js';

/**
 * Ends a stream before its next chunk. An abort in the middle of a chunk would lose the rest of it: bytes that were fetched,
 * and that the receiver of the stream has to see.
 */
export class StopBetweenChunks {
  readonly #stopped = new AbortController();
  #isStopping = false;
  #isBusy = false; // with a chunk
  readonly #mayStop: () => boolean;

  /** @param mayStop asked before each stop; a stream that is nearly at its end goes on instead */
  constructor(mayStop: () => boolean) {
    this.#mayStop = mayStop;
  }

  /** Aborted when the stream has to end. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  stop(): void {
    this.#isStopping = true;
    if (!this.#isBusy && this.#mayStop()) this.#stopped.abort(STOPPED);
  }

  /**
   * Waits for the consumer of a chunk.
   * @throws LayerslayerError ABORTED when `stop` was called meanwhile, so that the stream asks for nothing more
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
