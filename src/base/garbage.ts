import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Long enough for a mount's first answers to come first. */
const QUIET_MS = 1000;

type Collect = (options?: { type: 'minor' }) => void;

let collect: Collect | undefined;
let timer: NodeJS.Timeout | undefined;

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
  // Once for all that ends meanwhile: an image of 1,000 layers spent 37 s of 45 with it (measured).
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (isIdle()) collector()();
  }, QUIET_MS).unref();
}

/** Bytes let go of from which on they are collected at once: it takes some 10 ms. */
const COLLECT_FROM = 24 * 1024 * 1024;
let madeBytes = 0;

/**
 * So many bytes outside of V8's heap were let go of. Collects this thread's garbage when they are many: V8 hardly counts them, and a
 * merge of 10^6 entries takes twice the memory otherwise (measured).
 */
export function garbageMade(bytes: number): void {
  madeBytes += bytes;
  if (madeBytes < COLLECT_FROM) return;
  madeBytes = 0;
  collector()();
}
