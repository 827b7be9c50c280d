/** A file's content that waits for its turn. */
export interface WaitingContent {
  write(): Promise<void>; // to the output
  discard?(): void; // no `write` follows
}

/**
 * Writes contents in the order of the words that asked for them, however they come. A word may be
 * there more than once.
 */
export class OrderedContents<K> {
  readonly #known = new Map<K, readonly WaitingContent[]>();
  readonly #timesLeft = new Map<K, number>();
  #next = 0;

  /**
   * @param order by each word what it asks for
   * @param failed a content can't be written, but the others can. It throws what ends them all.
   */
  constructor(
    private readonly order: readonly K[],
    private readonly failed: (key: K, error: unknown) => void,
  ) {
    for (const key of order) this.#timesLeft.set(key, (this.#timesLeft.get(key) ?? 0) + 1);
  }

  /** Takes all contents of a key; none if it has failed. */
  set(key: K, contents: readonly WaitingContent[]): void {
    this.#known.set(key, contents);
  }

  /** Writes what has its turn. @throws what `failed` throws */
  async writeReady(): Promise<void> {
    for (; this.#next < this.order.length; this.#next++) {
      const key = this.order[this.#next]!;
      const contents = this.#known.get(key);
      if (!contents) return;
      for (const content of contents) {
        try {
          await content.write();
        } catch (error) {
          this.#fail(key, error);
        }
      }
      this.#wrote(key);
    }
  }

  /** Writes what is there, past what has not come. @throws as `writeReady` */
  async writeRest(): Promise<void> {
    for (const key of this.order) if (!this.#known.has(key)) this.set(key, []);
    await this.writeReady();
  }

  discard(): void {
    for (const key of this.#known.keys()) this.#release(key);
  }

  #fail(key: K, error: unknown): void {
    const next = this.#next;
    this.#next = this.order.length; // if `failed` throws, nothing more is written
    this.failed(key, error);
    this.#next = next;
  }

  #wrote(key: K): void {
    const left = this.#timesLeft.get(key)! - 1;
    this.#timesLeft.set(key, left);
    if (left === 0) this.#release(key);
  }

  #release(key: K): void {
    for (const content of this.#known.get(key) ?? []) content.discard?.();
    this.#known.set(key, []);
  }
}
