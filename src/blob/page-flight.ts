import { abortable } from '../base/abortable.js';

/** A page that is being fetched, and whoever waits for it. */
export class PageFlight {
  readonly number: number;
  readonly #landed: Promise<Uint8Array>;
  #resolve!: (page: Uint8Array) => void;
  #reject!: (error: unknown) => void;

  constructor(number: number) {
    this.number = number;
    this.#landed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#landed.catch(() => {}); // of a read-ahead that nobody waits for
  }

  land(page: Uint8Array): void {
    this.#resolve(page);
  }

  /** What has landed stays. */
  fail(error: unknown): void {
    this.#reject(error);
  }

  /** The page. An aborted waiter leaves; the flight goes on for the others. */
  wait(signal?: AbortSignal): Promise<Uint8Array> {
    return abortable(this.#landed, signal);
  }
}
