import { closeSync, constants, openSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from './errors.js';
import { fsPath } from './text/raw-text.js';

const { O_WRONLY, O_NONBLOCK, O_TRUNC } = constants;

/** Ms between looks for a reader of a FIFO. */
const POLL_MS = 50;

/**
 * Opens a device or a FIFO for writing; of what a shell has opened, the content starts again. Waits
 * for a FIFO's reader, as open(2) does, but the signal ends it.
 * @param path absolute
 * @returns a file descriptor whose writes block
 * @throws the system's error: ENXIO for a socket; the signal's reason
 */
export async function openOutputStream(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const probe = openSync(fsPath(path), O_WRONLY | O_NONBLOCK | O_TRUNC);
      try {
        return openSync(`/proc/self/fd/${probe}`, O_WRONLY);
      } finally {
        closeSync(probe);
      }
    } catch (error) {
      if (systemCode(error) !== 'ENXIO' || !isFifo(path)) throw error;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

function isFifo(path: string): boolean {
  return statSync(fsPath(path), { throwIfNoEntry: false })?.isFIFO() ?? false;
}
