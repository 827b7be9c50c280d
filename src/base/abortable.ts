/**
 * The promise's outcome, or the signal's reason if that comes first: the waiter leaves, what it waited for goes on. For
 * promises that know nothing of the signal, or that others wait for too.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    // One handler each way also when aborted already: the promise's own failure is nobody else's.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
