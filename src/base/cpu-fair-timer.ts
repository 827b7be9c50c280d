/** Milliseconds that one slice counts for, however late it ends. */
const SLICE_MS = 100;

/**
 * Calls `expired` after `ms`, not counting the time that this process waits for a CPU: the time is counted in slices, and a
 * slice that ends late counts like any other. On a machine under load a deadline by the clock blames a file system for it.
 * @param expired returns true to be called again after another slice
 * @returns cancels it
 */
export function cpuFairTimer(ms: number, expired: () => unknown): () => void {
  let leftMs = ms;
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    const sliceMs = Math.max(1, Math.min(SLICE_MS, leftMs));
    timer = setTimeout(() => {
      leftMs -= sliceMs;
      if (leftMs > 0 || expired() === true) next();
    }, sliceMs);
  };
  next();
  return () => clearTimeout(timer);
}
