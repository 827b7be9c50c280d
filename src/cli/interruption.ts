import { constants } from 'node:os';
import { LayerslayerError } from '../base/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Shells report a signal's end as 128 and its number (SIGINT: 130, SIGTERM: 143). */
const SIGNAL_STATUS = 128;

/**
 * Handles Ctrl-C and similar signals until `release`. The first one requests a clean end, the
 * second one ends the process at once.
 */
export class Interruption {
  readonly #stop = new AbortController();
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  #status: number | undefined;

  constructor() {
    for (const signal of SIGNALS) {
      const listener = () => this.#interrupt(SIGNAL_STATUS + constants.signals[signal]);
      this.#listeners.set(signal, listener);
      process.on(signal, listener);
    }
  }

  /** Aborted with ABORTED by the first one. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** What the process is to end with; undefined as long as nothing has come. */
  get status(): number | undefined {
    return this.#status;
  }

  release(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #interrupt(status: number): void {
    if (this.#status !== undefined) process.exit(this.#status);
    this.#status = status;
    this.#stop.abort(new LayerslayerError('ABORTED', 'interrupted'));
  }
}
