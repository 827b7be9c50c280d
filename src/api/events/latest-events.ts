/** What happened last to a subject. */
export interface LatestEvent {
  id: number; // ascending
  name: string;
  /** Another event of the subject is coming: this one may be late, or be left out. */
  isPassing: boolean;
  text: string; // JSON
}

/** An event before it has an id. */
export interface PublishedEvent {
  name: string;
  isPassing: boolean;
  /** Returns what the event says. Called at most once, and only if a reader wants it. */
  data(): object;
}

/** A reader that waits. */
interface Waiter {
  takesPassing: boolean;
  wake: () => void;
}

/**
 * The last event of each subject, such as an image. A new one replaces the one before, so a slow
 * reader finds the present state of all subjects, and nothing queues for it.
 */
export class LatestEvents {
  readonly #events = new Map<string, LatestEvent>(); // by subject; ids ascend
  readonly #waiters = new Set<Waiter>();
  #lastId: number;

  /**
   * @param most maximum subjects that are remembered. The one with the oldest event is dropped
   *   first, and those with a passing event last.
   * @param after the first event gets the next id
   */
  constructor(
    private readonly most: number,
    after = 0,
  ) {
    this.#lastId = after;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** Readers that wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  publish(subject: string, { name, isPassing, data }: PublishedEvent): void {
    let text: string | undefined;
    const id = ++this.#lastId;
    this.#events.delete(subject); // to the end
    this.#events.set(subject, {
      id,
      name,
      isPassing,
      get text() {
        text ??= JSON.stringify(data());
        return text;
      },
    });
    if (this.#events.size > this.most) this.#forgetOne();
    for (const waiter of [...this.#waiters]) if (!isPassing || waiter.takesPassing) waiter.wake();
  }

  /** Returns the first event after an id. */
  next(after: number): LatestEvent | undefined {
    if (after >= this.#lastId) return undefined;
    for (const event of this.#events.values()) if (event.id > after) return event;
    return undefined;
  }

  /**
   * Waits for the next event.
   * @param options.takesPassing whether a passing event ends the wait
   * @returns false if none came in time
   * @throws the signal's reason
   */
  async changed(options: { ms: number; takesPassing: boolean; signal: AbortSignal }): Promise<boolean> {
    const { ms, takesPassing, signal } = options;
    signal.throwIfAborted();
    let end = () => {};
    const isChanged = await new Promise<boolean>((resolve) => {
      const waiter: Waiter = { takesPassing, wake: () => resolve(true) };
      const onAbort = () => resolve(false);
      const timer = setTimeout(onAbort, ms);
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      end = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
    });
    end();
    signal.throwIfAborted();
    return isChanged;
  }

  #forgetOne(): void {
    let oldest: string | undefined;
    for (const [subject, { isPassing }] of this.#events) {
      oldest ??= subject;
      if (isPassing) continue;
      oldest = subject;
      break;
    }
    if (oldest !== undefined) this.#events.delete(oldest);
  }
}
