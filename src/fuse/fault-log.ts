import { performance } from 'node:perf_hooks';
import { asLayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { errnoOf } from './errno.js';

const PERIOD_MS = 1000;

/** Faults logged in a period: when a registry is away, all reads fail. */
const FAULTS_A_PERIOD = 10;

/**
 * A fault that comes again within this time is logged once: after a failed read-ahead, the kernel
 * asks for the same page again.
 */
const REPEAT_MS = 60_000;

/** Writes faults to the log, at most ten a second, and counts the others. */
export class FaultLog {
  #periodStartMs = Number.NEGATIVE_INFINITY;
  #logged = 0;
  #dropped = 0;
  /** When each message was logged last, oldest first. */
  readonly #loggedMs = new Map<string, number>();

  /** @param now milliseconds, never going back */
  constructor(
    private readonly log: Log,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Logs the error of an operation.
   * @param doing the operation, for the message
   * @returns the positive errno for the program
   */
  report(error: unknown, doing: () => string): number {
    const known = asLayerslayerError(error);
    // The stack of a bug, the message of a fault.
    if (known.code === 'INTERNAL')
      this.error(`${doing()}: ${(error as Error | undefined)?.stack ?? known.message}`);
    else if (known.code !== 'ABORTED') this.error(`${doing()}: ${known.message}`);
    return errnoOf(known.code);
  }

  error(message: string): void {
    if (this.#isRepeated(message)) return;
    const now = this.now();
    if (now - this.#periodStartMs >= PERIOD_MS) {
      if (this.#dropped > 0) this.log.error(`${this.#dropped} more faults like these`);
      this.#periodStartMs = now;
      this.#logged = 0;
      this.#dropped = 0;
    }
    if (this.#logged < FAULTS_A_PERIOD) {
      this.#logged++;
      this.#loggedMs.set(message, now);
      this.log.error(message);
    } else {
      this.#dropped++;
    }
  }

  #isRepeated(message: string): boolean {
    const since = this.now() - REPEAT_MS;
    for (const [logged, ms] of this.#loggedMs) {
      if (ms > since) break;
      this.#loggedMs.delete(logged);
    }
    return this.#loggedMs.has(message);
  }
}
