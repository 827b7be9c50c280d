interface Load<T extends object> {
  ino: number; // of the file
  task: Promise<T> | undefined; // while it is loaded
  loaded: WeakRef<T> | undefined;
}

/**
 * What was loaded from files, as long as a caller uses it. Callers that want the same file share
 * one load: 50 clients of one image would have its tables in memory 50 times.
 */
export class SharedLoads<T extends object> {
  readonly #loads = new Map<string, Load<T>>();

  /**
   * @param ino of the file, which a caller has open: another file of that name is loaded
   * @param load is called unless it is loaded, or being loaded
   */
  async share(name: string, ino: number, load: () => Promise<T>): Promise<T> {
    const known = this.#loads.get(name);
    const shared = known?.ino === ino ? (known.task ?? known.loaded?.deref()) : undefined;
    if (shared) return shared;
    const begun: Load<T> = { ino, task: load(), loaded: undefined };
    this.#loads.set(name, begun);
    try {
      const result = await begun.task!;
      begun.loaded = new WeakRef(result);
      return result;
    } catch (error) {
      if (this.#loads.get(name) === begun) this.#loads.delete(name);
      throw error;
    } finally {
      begun.task = undefined;
    }
  }
}
