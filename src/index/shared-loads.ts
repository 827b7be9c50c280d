interface Load<T extends object> {
  ino: number; // of the file
  task: Promise<T> | undefined; // while it is loaded
  used: WeakRef<object> | undefined;
}

/**
 * What was loaded from files, as long as a caller uses it. Callers that want the same file share
 * one load: 50 clients of one image would have its tables in memory 50 times.
 */
export class SharedLoads<T extends object> {
  readonly #loads = new Map<string, Load<T>>();
  /** By the part that callers use. */
  readonly #results = new WeakMap<object, T>();

  /**
   * @param usedPart returns the part of a result that callers keep: some drop the result itself.
   *   The result lives as long as this part
   */
  constructor(private readonly usedPart: (result: T) => object = (result) => result) {}

  /**
   * @param ino of the file, which a caller has open: another file of that name is loaded
   * @param load is called unless it is loaded, or being loaded
   */
  async share(name: string, ino: number, load: () => Promise<T>): Promise<T> {
    const known = this.#loads.get(name);
    const shared = known?.ino === ino ? (known.task ?? this.#loaded(known)) : undefined;
    if (shared) return shared;
    const begun: Load<T> = { ino, task: load(), used: undefined };
    this.#loads.set(name, begun);
    try {
      const result = await begun.task!;
      const used = this.usedPart(result);
      this.#results.set(used, result);
      begun.used = new WeakRef(used);
      return result;
    } catch (error) {
      if (this.#loads.get(name) === begun) this.#loads.delete(name);
      throw error;
    } finally {
      begun.task = undefined;
    }
  }

  #loaded({ used }: Load<T>): T | undefined {
    const part = used?.deref();
    return part && this.#results.get(part);
  }
}
