import { closeSync, openSync } from 'node:fs';
import type { LocalRange } from '../blob/near-bytes.js';

/**
 * Files that the fetching thread found, opened once more for the threads that read them: a descriptor of that thread's own
 * is closed when it dies, and its number goes to another file.
 */
export class SharedFiles {
  readonly #fds = new Set<number>();

  /** @param place in a file that is open just now */
  share(place: LocalRange | undefined): LocalRange | undefined {
    if (!place) return undefined;
    try {
      // By its descriptor: what the path names may have changed since.
      const fd = openSync(`/proc/self/fd/${place.fd}`, 'r');
      this.#fds.add(fd);
      return { ...place, fd };
    } catch {
      // Pages then come by way of the fetching thread.
      return undefined;
    }
  }

  /** Called when nobody reads any more. */
  close(): void {
    for (const fd of this.#fds) closeSync(fd);
    this.#fds.clear();
  }
}
