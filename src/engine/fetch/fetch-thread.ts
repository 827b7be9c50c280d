import { Worker } from 'node:worker_threads';
import { threadOptions } from '../../base/process/node-options.js';
import { WORKER_LIMITS } from '../../base/process/worker-limits.js';

/** Starts the thread that `fetch-worker.ts` is. */
export function startFetchThread(): Worker {
  return new Worker(new URL('./fetch-worker.js', import.meta.url), {
    name: 'fetch',
    resourceLimits: WORKER_LIMITS,
    ...threadOptions(),
  });
}
