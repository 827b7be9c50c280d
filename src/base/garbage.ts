import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Long enough for a mount's first answers to come first. */
const QUIET_MS = 1000;

let collect: (() => void) | undefined;

/**
 * Collects this thread's garbage a moment from now, if `isIdle` still. A thread that has moved many buffers and then has
 * nothing to do keeps what is left of them until it allocates again: 10 to 30 MiB a thread, for as long as a mount lives
 * (measured). Node has no call for it; the flag that V8 has makes one.
 */
export function collectGarbageSoon(isIdle: () => boolean): void {
  setTimeout(() => {
    if (!isIdle()) return;
    if (!collect) {
      setFlagsFromString('--expose-gc');
      collect = runInNewContext('gc') as () => void;
    }
    collect();
  }, QUIET_MS).unref();
}
