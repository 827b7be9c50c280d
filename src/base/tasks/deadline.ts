import { asLayerslayerError, LayerslayerError } from '../errors.js';

/**
 * Runs a task that must end within `ms`.
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
  return withTimer(ms, () => `${what}: not done within ${ms / 1000} s`, signal, task);
}

/**
 * Runs a task as `withDeadline` does. The task's signal aborts at the deadline, and with the
 * caller's. (Not AbortSignal.any: on Node 20 its result stays reachable from a long-lived caller's
 * signal.)
 * @param late returns the deadline's message; undefined if the deadline no longer applies
 */
export async function withTimer<T>(
  ms: number,
  late: () => string | undefined,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let timeout: LayerslayerError | undefined;
  const timer = setTimeout(() => {
    const message = late();
    if (message === undefined) return;
    timeout = new LayerslayerError('TIMED_OUT', message);
    controller.abort(timeout);
  }, ms);
  try {
    return await task(controller.signal);
  } catch (error) {
    throw signal?.aborted ? aborted(signal) : (timeout ?? error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Returns the caller's reason as ABORTED, unless it already has one of our codes. */
function aborted(signal: AbortSignal): LayerslayerError {
  const reason = asLayerslayerError(signal.reason);
  if (reason.code !== 'INTERNAL') return reason;
  return new LayerslayerError('ABORTED', reason.message, { cause: reason });
}
