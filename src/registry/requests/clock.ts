import { setTimeout as sleep } from 'node:timers/promises';

/** Time and chance. This folder asks the system for neither, so that tests can set them. */
export interface Clock {
  now(): number; // ms since 1970
  /** @throws the signal's reason when it aborts first */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  random(): number; // 0 to 1, 1 excluded
}

export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) =>
    sleep(ms, undefined, { signal }).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    }),
};
