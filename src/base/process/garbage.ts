import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Long enough for a mount's first answers to come first. */
const QUIET_MS = 1000;

type Collect = (options?: { type: 'minor' }) => void;

let collect: Collect | undefined;
let timer: NodeJS.Timeout | undefined;

/**
 * Node has no API for a collection; this V8 flag adds one. The flag is reset: while V8's flags
 * differ from those of Node's build, it rejects Node's code cache. A thread then takes 30 ms more
 * to start (measured). A process that was started with the flag keeps it.
 * @returns what collects; the first calls may return what does nothing
 */
function collector(): Collect {
  collect ??= (globalThis as { gc?: Collect }).gc;
  if (!collect) {
    setFlagsFromString('--expose-gc');
    // The flag is that of the process: another thread may have reset it. The next call tries again.
    collect = runInNewContext('globalThis.gc') as Collect | undefined;
    setFlagsFromString('--no-expose-gc');
  }
  return collect ?? (() => {});
}

/**
 * Collects this thread's young objects now, in about 1 ms. Otherwise V8 lets them, and the memory
 * they own outside its heap, grow to tens of MiB. For loops that create many small objects.
 */
export function collectYoungGarbage(): void {
  collector()({ type: 'minor' });
}

/**
 * Collects this thread's garbage after a pause, if `isIdle()` is still true then. An idle thread
 * keeps the remains of buffers that it moved until it allocates again: 10 to 30 MiB a thread, as
 * long as a mount lives (measured).
 */
export function collectGarbageSoon(isIdle: () => boolean): void {
  // Debounced: collecting after each layer took 37 of 45 s for an image of 1,000 layers (measured).
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (isIdle()) collector()();
  }, QUIET_MS).unref();
}

/** Released bytes that trigger a collection. A collection takes about 10 ms. */
const COLLECT_FROM = 24 * 1024 * 1024;
let madeBytes = 0;

/**
 * Records that `bytes` outside V8's heap were released, and collects garbage once they add up. V8
 * hardly counts this memory: without it, a merge of 10^6 entries takes twice as much (measured).
 */
export function garbageMade(bytes: number): void {
  madeBytes += bytes;
  if (madeBytes < COLLECT_FROM) return;
  madeBytes = 0;
  collector()();
}
