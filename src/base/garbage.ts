import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Long enough for a mount's first answers to come first. */
const QUIET_MS = 1000;

type Collect = (options?: { type: 'minor' }) => void;

let collect: Collect | undefined;

/** Node has no call for it; the flag that V8 has makes one. */
function collector(): Collect {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  return collect;
}

/**
 * Collects this thread's young objects now, in about 1 ms. V8 lets them, and what they hold outside of its heap, grow to tens
 * of MiB before it looks: for loops that make many small ones and must stay small.
 */
export function collectYoungGarbage(): void {
  collector()({ type: 'minor' });
}

/**
 * Collects this thread's garbage a moment from now, if `isIdle` still. A thread that has moved many buffers and then has
 * nothing to do keeps what is left of them until it allocates again: 10 to 30 MiB a thread, for as long as a mount lives
 * (measured).
 */
export function collectGarbageSoon(isIdle: () => boolean): void {
  setTimeout(() => {
    if (isIdle()) collector()();
  }, QUIET_MS).unref();
}
