import { Worker } from 'node:worker_threads';
import { WORKER_LIMITS } from '../base/worker-limits.js';

/**
 * Starts the thread that `fetch-worker.ts` is. It imports next to nothing, so that a process can start it before it loads anything
 * else: the thread's own modules then load on another core meanwhile.
 */
export function startFetchThread(): Worker {
  return new Worker(new URL('./fetch-worker.js', import.meta.url), {
    name: 'fetch',
    resourceLimits: WORKER_LIMITS,
  });
}
