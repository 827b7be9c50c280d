import { withContext } from '../../base/errors.js';
import { withDeadline } from '../../base/tasks/deadline.js';
import type { FirstContact } from './first-contact.js';
import { type RetryOptions, withRetries } from './retry.js';

/** Ms for one try of a manifest or config, so that a server that drips can't block a mount. */
const SMALL_BODY_DEADLINE_MS = 60_000;

/** What limits and repeats the requests to one registry. */
export interface RequestLimits {
  contact: FirstContact;
  retry: RetryOptions;
}

/**
 * Runs a request with a small body. Each try has a deadline; transient faults are retried.
 * @param doing names the request in messages, as `reading manifest docker.io/library/x:y`
 */
export async function smallRequest<T>(
  { contact, retry }: RequestLimits,
  doing: string,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await contact.within(doing, signal, (within) =>
      withRetries(retry, within, () => withDeadline(SMALL_BODY_DEADLINE_MS, doing, within, task)),
    );
  } catch (error) {
    const isNamed = error instanceof Error && error.message.startsWith(doing);
    throw isNamed || signal?.aborted ? error : withContext(error, doing);
  }
}
