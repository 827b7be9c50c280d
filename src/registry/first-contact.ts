import { LayerslayerError } from '../base/errors.js';
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
  readonly #lifts = new Set<() => void>(); // of operations that wait for a first answer

  /** @param host names the registry in messages */
  constructor(host: string, deadlineMs: number = FIRST_CONTACT_MS) {
    this.#host = host;
    this.#deadlineMs = deadlineMs;
  }

  /** The registry answered: removes the deadline of current and later operations. */
  made(): void {
    this.#made = true;
    for (const lift of this.#lifts) lift();
    this.#lifts.clear();
  }

  /** Records a failed request's message. A proxy or a token service may be the cause. */
  failed(message: string): void {
    this.#lastFault = message;
  }

  /**
   * Runs an operation, retries included.
   * @param doing names the operation in the message
   * @throws LayerslayerError TIMED_OUT if the registry does not answer; the error of `task`
   */
  async within<T>(
    doing: string,
    signal: AbortSignal | undefined,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#made) return task(signal ?? new AbortController().signal);
    const ms = this.#deadlineMs;
    const late = () =>
      new LayerslayerError(
        'TIMED_OUT',
        `${doing}: ${this.#host} did not answer within ${ms / 1000} s; ${this.#advice()}`,
      );
    let lift = () => {};
    try {
      return await withTimer(ms, late, signal, (within, liftTimer) => {
        lift = liftTimer;
        this.#lifts.add(lift);
        return task(within);
      });
    } finally {
      this.#lifts.delete(lift);
    }
  }

  #advice(): string {
    const fault = this.#lastFault;
    const isElsewhere = fault !== undefined && !fault.startsWith(`${this.#host}: `);
    return isElsewhere ? `the last try: ${fault}` : 'is it reachable from here, is the port right?';
  }
}
