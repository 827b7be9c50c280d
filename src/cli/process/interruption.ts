import { constants } from 'node:os';
import { LayerslayerError } from '../../base/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Shells report a signal's end as 128 and its number (SIGINT: 130, SIGTERM: 143). */
export const SIGNAL_STATUS = 128;

/**
 * Handles Ctrl-C and the like. The first one requests an end, the second ends the process. But a
 * pager outlives Ctrl-C, and so does the process meanwhile.
 */
export class Interruption {
  /** The exit status of the process; undefined before the first signal. */
  status: number | undefined;
  readonly #stop = new AbortController();
  /** Aborted with ABORTED by the first signal. */
  readonly signal: AbortSignal = this.#stop.signal;

  /** @param isPaging whether a pager shows results now */
  constructor(private readonly isPaging: () => boolean = () => false) {
    for (const signal of SIGNALS) process.on(signal, this.#interrupt);
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#interrupt);
  }

  readonly #interrupt = (name: NodeJS.Signals) => {
    if (this.status !== undefined) {
      if (name === 'SIGINT' && this.isPaging()) return;
      process.exit(this.status);
    }
    this.status = SIGNAL_STATUS + constants.signals[name];
    this.#stop.abort(new LayerslayerError('ABORTED', 'interrupted'));
  };
}
