import { performance } from 'node:perf_hooks';
import { asLayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { errnoOf } from './errno.js';

const PERIOD_MS = 1000;

/** Faults logged in a period: when a registry is away, all reads fail. */
const FAULTS_A_PERIOD = 10;

/** Writes faults to the log, at most ten a second, and counts the others. */
export class FaultLog {
  #periodStartMs = Number.NEGATIVE_INFINITY;
  #logged = 0;
  #dropped = 0;

  /** @param now milliseconds, never going back */
  constructor(
    private readonly log: Log,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Logs the error of an operation. @returns the positive errno for the program */
  report(error: unknown, doing: string): number {
    const known = asLayerslayerError(error);
    // The stack of a bug, the message of a fault.
    if (known.code === 'INTERNAL')
      this.error(`${doing}: ${(error as Error | undefined)?.stack ?? known.message}`);
    else if (known.code !== 'ABORTED') this.error(`${doing}: ${known.message}`);
    return errnoOf(known.code);
  }

  error(message: string): void {
    const now = this.now();
    if (now - this.#periodStartMs >= PERIOD_MS) {
      if (this.#dropped > 0) this.log.error(`${this.#dropped} more faults like these`);
      this.#periodStartMs = now;
      this.#logged = 0;
      this.#dropped = 0;
    }
    if (this.#logged < FAULTS_A_PERIOD) {
      this.#logged++;
      this.log.error(message);
    } else {
      this.#dropped++;
    }
  }
}
