import type { PassNumber } from './inflate-protocol.js';

/** Time without a read after which held passes resume: a reader's next read comes sooner. */
const QUIET_MS = 100;

/** Passes that are held while reads are under way. */
export class BackgroundPasses {
  readonly #holds = new Map<PassNumber, (isHeld: boolean) => void>();
  #reads = 0; // under way
  #timer: NodeJS.Timeout | undefined;

  /** @param hold holds or releases the pass */
  add(pass: PassNumber, hold: (isHeld: boolean) => void): void {
    this.#holds.set(pass, hold);
    if (this.#isBusy) hold(true);
  }

  delete(pass: PassNumber): void {
    this.#holds.delete(pass);
  }

  readBegins(): void {
    const wasBusy = this.#isBusy;
    this.#reads++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!wasBusy) this.#holdAll(true);
  }

  readEnds(): void {
    if (--this.#reads > 0 || this.#holds.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#holdAll(false);
    }, QUIET_MS).unref();
  }

  get #isBusy(): boolean {
    return this.#reads > 0 || this.#timer !== undefined;
  }

  #holdAll(isHeld: boolean): void {
    for (const hold of this.#holds.values()) hold(isHeld);
  }
}
