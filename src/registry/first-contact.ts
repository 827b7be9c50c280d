import { LayerslayerError } from '../base/errors.js';
import { withTimer } from './deadline.js';

/** Ms until an operation gives up on a registry that has never answered, tries included: the user waits 30 s at most. */
const FIRST_CONTACT_MS = 28_000;

/**
 * Bounds the operations on a registry that has not answered yet. A registry that answered once gets all tries of a
 * request, since it will answer again; a wrong name or a firewall must not hold the user for the sum of their deadlines
 * (112 s, measured).
 */
export class FirstContact {
  readonly #host: string;
  readonly #deadlineMs: number;
  #made = false;
  #lastFault: string | undefined;
  readonly #lifts = new Set<() => void>(); // of the operations that wait for a first answer

  /** @param host names the registry in messages */
  constructor(host: string, deadlineMs: number = FIRST_CONTACT_MS) {
    this.#host = host;
    this.#deadlineMs = deadlineMs;
  }

  /** The registry answered: operations under way, and later ones, have no deadline of this class. */
  made(): void {
    this.#made = true;
    for (const lift of this.#lifts) lift();
    this.#lifts.clear();
  }

  /** A request came to nothing, with this message: a proxy or a token service may be what does not answer. */
  failed(message: string): void {
    this.#lastFault = message;
  }

  /**
   * Runs an operation with all its tries.
   * @param doing names the operation in the message
   * @throws LayerslayerError TIMED_OUT when the registry does not answer; what `task` throws
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
