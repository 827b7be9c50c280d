/** Milliseconds that each slice counts for, even if it ends late. */
const SLICE_MS = 100;

/**
 * Calls `expired` after `ms`, excluding time that this process waits for a CPU. It counts slices,
 * and a late slice counts like any other. With a wall clock, load on the machine would look like a
 * hung file system.
 * @param expired returns true to be called again after another slice
 * @returns a function that cancels the timer
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
