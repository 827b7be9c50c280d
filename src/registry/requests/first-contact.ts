import { withTimer } from '../../base/tasks/deadline.js';
import type { Endpoint } from '../endpoint.js';
import type { Exchange } from '../http/http-exchange.js';
import { RegistryFault } from './registry-fault.js';

/**
 * Ms until an operation on a registry that never answered fails, retries included. Limits the
 * user's wait to 30 s.
 */
const FIRST_CONTACT_MS = 28_000;

/**
 * Limits operations on a registry that has not answered yet. After its first answer, a registry
 * gets all retries. Without this limit, a wrong name or a firewall costs the sum of all deadlines
 * (112 s, measured).
 */
export class FirstContact {
  readonly #registry: Endpoint;
  readonly #deadlineMs: number;
  #made = false;
  #lastFault: string | undefined;

  constructor(registry: Endpoint, deadlineMs: number = FIRST_CONTACT_MS) {
    this.#registry = registry;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * Returns the exchange, observed. The registry's first answer removes the deadline of current and
   * later operations. A 401 does not: it starts a login, whose token service may not answer.
   */
  observed(exchange: Exchange): Exchange {
    return async (request, signal) => {
      const answer = await exchange(request, signal).catch((error: unknown) => {
        // A proxy or a token service may be the cause.
        if (error instanceof RegistryFault) this.#lastFault = error.message;
        throw error;
      });
      if (answer.status !== 401 && this.#registry.serves(answer.url)) this.#made = true;
      return answer;
    };
  }

  /**
   * Runs an operation, retries included.
   * @param doing names the operation in the message
   * @throws LayerslayerError TIMED_OUT if the registry does not answer; ABORTED when the caller
   *   aborts; the error of `task`
   */
  within<T>(
    doing: string,
    signal: AbortSignal | undefined,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const seconds = this.#deadlineMs / 1000;
    const late = () =>
      this.#made
        ? undefined
        : `${doing}: ${this.#registry.host} did not answer within ${seconds} s; ${this.#advice()}`;
    return withTimer(this.#deadlineMs, late, signal, task);
  }

  #advice(): string {
    const fault = this.#lastFault;
    const isElsewhere = fault !== undefined && !fault.startsWith(`${this.#registry.host}: `);
    return isElsewhere ? `the last try: ${fault}` : 'is it reachable from here, is the port right?';
  }
}
