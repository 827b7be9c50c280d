import { withTimer } from './deadline.js';

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
  readonly #host: string;
  readonly #deadlineMs: number;
  #made = false;
  #lastFault: string | undefined;

  /** @param host names the registry in messages */
  constructor(host: string, deadlineMs: number = FIRST_CONTACT_MS) {
    this.#host = host;
    this.#deadlineMs = deadlineMs;
  }

  /** The registry answered: removes the deadline of current and later operations. */
  made(): void {
    this.#made = true;
  }

  /** Records a failed request's message. A proxy or a token service may be the cause. */
  failed(message: string): void {
    this.#lastFault = message;
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
        : `${doing}: ${this.#host} did not answer within ${seconds} s; ${this.#advice()}`;
    return withTimer(this.#deadlineMs, late, signal, task);
  }

  #advice(): string {
    const fault = this.#lastFault;
    const isElsewhere = fault !== undefined && !fault.startsWith(`${this.#host}: `);
    return isElsewhere ? `the last try: ${fault}` : 'is it reachable from here, is the port right?';
  }
}
