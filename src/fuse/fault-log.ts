import { performance } from 'node:perf_hooks';
import type { Log } from '../base/log.js';

const PERIOD_MS = 1000;

/** Faults told a period. When a registry is away every read of every process fails: the log must not grow with them. */
const FAULTS_A_PERIOD = 10;

/** Writes faults to the log, at most ten a second, and how many it kept back. */
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
