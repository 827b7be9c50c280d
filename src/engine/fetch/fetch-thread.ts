import { Worker } from 'node:worker_threads';
import { WORKER_LIMITS } from '../../base/worker-limits.js';

/**
 * Starts the thread that `fetch-worker.ts` is. It gets none of the process's Node options: with
 * `node --input-type=module -e …` no thread can start that has them.
 */
export function startFetchThread(): Worker {
  return new Worker(new URL('./fetch-worker.js', import.meta.url), {
    name: 'fetch',
    resourceLimits: WORKER_LIMITS,
    execArgv: [],
  });
}
