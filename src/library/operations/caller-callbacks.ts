/**
 * Returns a callback that never throws to its caller, a thread's message handler. An exception of
 * it is an uncaught one, as that of an event listener.
 */
export function guarded<A extends unknown[]>(
  callback: ((...args: A) => void) | undefined,
): (...args: A) => void {
  if (!callback) return () => {};
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  };
}
