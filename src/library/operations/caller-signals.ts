/** What is needed of a caller's signal. It may be of another realm, or a polyfill. */
export type CallerSignal = Pick<
  AbortSignal,
  'aborted' | 'reason' | 'addEventListener' | 'removeEventListener'
>;

/** The callbacks for a signal, and the one listener that calls them. */
class SignalCallbacks {
  readonly #all = new Set<() => void>();
  readonly #listener = () => {
    const called = [...this.#all];
    this.#all.clear();
    this.signal.removeEventListener('abort', this.#listener);
    for (const callback of called) callback();
  };

  constructor(private readonly signal: CallerSignal) {}

  add(callback: () => void): void {
    if (this.#all.size === 0) this.signal.addEventListener('abort', this.#listener);
    this.#all.add(callback);
  }

  delete(callback: () => void): void {
    if (this.#all.delete(callback) && this.#all.size === 0)
      this.signal.removeEventListener('abort', this.#listener);
  }
}

const known = new WeakMap<CallerSignal, SignalCallbacks>();

/**
 * Calls back once when a caller's signal is aborted. A signal gets one listener, however many
 * operations have it: Node warns of a leak from the 11th on, and the limit is the caller's.
 * @returns a function that cancels it
 */
export function onAbort(signal: CallerSignal, callback: () => void): () => void {
  const callbacks = known.get(signal) ?? new SignalCallbacks(signal);
  known.set(signal, callbacks);
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}
