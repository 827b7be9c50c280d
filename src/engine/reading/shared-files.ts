import { closeSync, openSync } from 'node:fs';
import type { LocalRange } from '../../blob/blob.js';

/**
 * Files of the fetch thread, opened again for the threads that read them: its own descriptors are
 * closed when it dies, and their numbers are used again.
 */
export class SharedFiles {
  readonly #fds = new Set<number>();

  share(range: LocalRange | undefined): LocalRange | undefined {
    if (!range) return undefined;
    try {
      // By its descriptor: what the path names may have changed since.
      const fd = openSync(`/proc/self/fd/${range.fd}`, 'r');
      this.#fds.add(fd);
      return { ...range, fd };
    } catch {
      // Pages then come by way of the fetching thread.
      return undefined;
    }
  }

  /** Called when all readers have ended. */
  close(): void {
    for (const fd of this.#fds) closeSync(fd);
    this.#fds.clear();
  }
}
