import type { Log } from '../../base/log.js';
import type { Clock } from './clock.js';
import { RegistryFault } from './registry-fault.js';

/** Tries of one request, the first included. Tries that brought bytes are not counted. */
const TRIES_MAX = 5;
/** Wait before the second try. Each further wait is twice as long. */
const FIRST_WAIT_MS = 250;
const WAIT_MAX_MS = 4_000;
/** Total ms to wait for rate limits, before the request fails. */
const RATE_LIMIT_WAIT_MAX_MS = 30_000;
/** After this long without a rate limit, the account is reset: a daemon lives for months. */
const RATE_LIMIT_FORGET_MS = 60_000;

/**
 * Shows the user why there is no progress: `rate limited by HOST, trying again in 3 s`, `… no byte
 * for 20 s: try 2 of 5`.
 */
export type Notice = (message: string) => void;

/** The account of waits for a registry's rate limits, shared by all requests to it. */
export class RateLimitAccount {
  readonly #clock: Clock;
  #waitedMs = 0;
  #waitsUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes `ms` if the account has as much left. Simultaneous waits count once. */
  take(ms: number): boolean {
    // atomic: no await between reading and writing the account
    const now = this.#clock.now();
    if (now > this.#waitsUntil + RATE_LIMIT_FORGET_MS) this.#waitedMs = 0;
    const added = Math.max(0, now + ms - Math.max(now, this.#waitsUntil));
    if (this.#waitedMs + added > RATE_LIMIT_WAIT_MAX_MS) return false;
    this.#waitedMs += added;
    this.#waitsUntil = Math.max(this.#waitsUntil, now + ms);
    return true;
  }
}

export interface RetryOptions {
  clock: Clock;
  account: RateLimitAccount;
  notice?: Notice;
  log?: Log;
  /** Called before a try that must use another connection. */
  renew?: () => void;
}

/** The tries of one operation. */
export class Retry {
  readonly #options: RetryOptions;
  #failed = 0;
  #renewed = false;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Bytes came since the last failure, so the next failure counts as the first. */
  progressed(): void {
    this.#failed = 0;
  }

  /**
   * Returns when it is time for the next try.
   * @throws the fault itself if a retry is useless; the signal's reason
   */
  async next(fault: unknown, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!(fault instanceof RegistryFault) || fault.advice === 'never') throw fault;
    this.#options.log?.debug(`trying again after: ${fault.message}`);
    if (fault.advice === 'once') {
      if (this.#renewed) throw fault;
      this.#renewed = true;
      this.#options.renew?.();
      return;
    }
    this.#failed++;
    if (this.#failed >= TRIES_MAX) throw fault;
    await this.#options.clock.sleep(this.#wait(fault), signal);
  }

  #wait(fault: RegistryFault): number {
    const { clock, account, notice } = this.#options;
    // A pooled socket that died while idle: a new one need not wait.
    if (fault.detail.socketDied && this.#failed === 1) return 0;
    const full = Math.min(WAIT_MAX_MS, FIRST_WAIT_MS * 2 ** (this.#failed - 1));
    // Half of it is random, so that many clients of one registry do not retry together.
    const backoff = full / 2 + (full / 2) * clock.random();
    const asked = retryAfterMs(fault.detail.retryAfter, clock.now());
    // A stall takes 20 s a try, so show the user that the request is retried.
    if (fault.code === 'TIMED_OUT') notice?.(`${fault.message}: try ${this.#failed + 1} of ${TRIES_MAX}`);
    if (fault.code !== 'RATE_LIMITED' && asked === undefined) return backoff;
    const wait = Math.max(asked ?? 0, backoff);
    if (!account.take(wait)) throw fault;
    const why = fault.code === 'RATE_LIMITED' ? 'rate limited by' : 'asked to wait by';
    notice?.(`${why} ${fault.detail.host ?? 'the registry'}, trying again in ${Math.ceil(wait / 1000)} s`);
    return wait;
  }
}

/** Parses Retry-After (RFC 9110, section 10.2.3): seconds or a date. Other values are ignored. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** Runs a task until it succeeds or a retry is useless. */
export async function withRetries<T>(
  options: RetryOptions,
  signal: AbortSignal,
  task: () => Promise<T>,
): Promise<T> {
  const retry = new Retry(options);
  for (;;) {
    try {
      return await task();
    } catch (error) {
      await retry.next(error, signal);
    }
  }
}
