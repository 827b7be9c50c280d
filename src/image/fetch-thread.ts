import { Worker } from 'node:worker_threads';

/**
 * Starts the thread that `fetch-worker.ts` is. It imports nothing, so that a process can start it before it loads anything
 * else: the thread's own modules then load on another core meanwhile.
 */
export function startFetchThread(): Worker {
  return new Worker(new URL('./fetch-worker.js', import.meta.url), { name: 'fetch' });
}
