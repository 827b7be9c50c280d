import { performance } from 'node:perf_hooks';
import { asLayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { errnoOf } from './errno.js';

const PERIOD_MS = 1000;

/** Faults logged in a period: when a registry is away, all reads fail. */
const FAULTS_A_PERIOD = 10;

/** Writes faults to the log, at most ten a second, and counts the others. */
export class FaultLog {
  readonly #log: Log;
  readonly #now: () => number;
  #periodStartMs = Number.NEGATIVE_INFINITY;
  #told = 0;
  #keptBack = 0;

  /** @param now milliseconds, never going back */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Logs the error of an operation. @returns the positive errno for the program */
  report(error: unknown, doing: string): number {
    const known = asLayerslayerError(error);
    // Of a bug, where it was thrown. Of a fault, its message.
    if (known.code === 'INTERNAL')
      this.error(`${doing}: ${(error as Error | undefined)?.stack ?? known.message}`);
    else if (known.code !== 'ABORTED') this.error(`${doing}: ${known.message}`);
    return errnoOf(known.code);
  }

  error(message: string): void {
    const now = this.#now();
    if (now - this.#periodStartMs >= PERIOD_MS) {
      if (this.#keptBack > 0) this.#log.error(`${this.#keptBack} more faults like these`);
      this.#periodStartMs = now;
      this.#told = 0;
      this.#keptBack = 0;
    }
    if (this.#told < FAULTS_A_PERIOD) {
      this.#told++;
      this.#log.error(message);
    } else {
      this.#keptBack++;
    }
  }
}
