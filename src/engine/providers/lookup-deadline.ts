import { withDeadline } from '../../base/tasks/deadline.js';

/** Ms to look for ready-made indexes of an image in one place. A pass does without them. */
const SEARCH_DEADLINE_MS = 15_000;
/** Ms for the first byte of an index, beside the time that its bytes take. */
const READ_DEADLINE_MS = 20_000;
/** Bytes an ms, about 64 KiB/s. At this rate a pass over the layer takes longer still. */
const SLOWEST_RATE = 64;

/**
 * Looks for ready-made indexes. A registry that never ends its answer must not stop a mount: such
 * an index only saves time.
 * @throws LayerslayerError TIMED_OUT; what `task` throws
 */
export function withSearchDeadline<T>(what: string, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return withDeadline(SEARCH_DEADLINE_MS, what, undefined, task);
}

/**
 * Reads a ready-made index.
 * @param size of the index, in bytes
 * @throws as `withSearchDeadline`; ABORTED
 */
export function withReadDeadline<T>(
  what: string,
  size: number,
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline(READ_DEADLINE_MS + Math.ceil(size / SLOWEST_RATE), what, signal, task);
}
