/** Callbacks by the signal of a caller. */
const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once when a caller's signal is aborted. A signal gets one listener, however many
 * operations have it: Node warns of a leak from the 11th on, and the limit is the caller's.
 * @returns a function that cancels it
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let all = callbacks.get(signal);
  if (!all) {
    all = new Set();
    callbacks.set(signal, all);
  }
  if (all.size === 0) signal.addEventListener('abort', callAll);
  all.add(callback);
  return () => {
    if (all.delete(callback) && all.size === 0) signal.removeEventListener('abort', callAll);
  };
}

function callAll(this: AbortSignal): void {
  const all = callbacks.get(this);
  this.removeEventListener('abort', callAll);
  const called = [...(all ?? [])];
  all?.clear();
  for (const callback of called) callback();
}
