import { asLayerslayerError, LayerslayerError } from '../base/errors.js';

/**
 * Runs a task that must end within `ms`. Its signal aborts at the deadline, and with the caller's.
 * (Not AbortSignal.any: on Node 20 its result stays reachable from a long-lived caller's signal.)
 * @param what names the task in the message, as `reading layer sha256:ab… at 0`
 * @throws LayerslayerError TIMED_OUT at the deadline; ABORTED when the caller aborts; the task's
 *   error
 */
export function withDeadline<T>(
  ms: number,
  what: string,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = () => new LayerslayerError('TIMED_OUT', `${what}: not done within ${ms / 1000} s`);
  return withTimer(ms, late, signal, task);
}

/**
 * Runs a task with a deadline, as `withDeadline` does.
 * @param late creates the deadline's error
 * @param task may call `lift` to remove the deadline
 */
export async function withTimer<T>(
  ms: number,
  late: () => LayerslayerError,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal, lift: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort(late());
  }, ms);
  try {
    return await task(controller.signal, () => clearTimeout(timer));
  } catch (error) {
    if (isLate && !signal?.aborted) throw controller.signal.reason;
    throw signal?.aborted ? aborted(signal) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Returns the caller's reason as ABORTED, unless it already has one of our codes. */
export function aborted(signal: AbortSignal): LayerslayerError {
  const reason = asLayerslayerError(signal.reason);
  return reason.code === 'INTERNAL'
    ? new LayerslayerError('ABORTED', reason.message, { cause: reason })
    : reason;
}
