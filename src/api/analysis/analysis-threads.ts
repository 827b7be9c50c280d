import type { ImageView } from '../../image/opened-image.js';
import { AnalysisThread } from './analysis-thread.js';

/** Threads that wait for another analysis. Each has the memory of its last one. */
const IDLE_MAX = 2;

/** How long they wait. */
const IDLE_MS = 30_000;

/**
 * Threads that came to the end of an analysis and take another one. The start of a thread and what
 * it makes of a view take longer than most analyses.
 */
export class AnalysisThreads {
  readonly #idle = new Map<AnalysisThread, NodeJS.Timeout>(); // the last used at the end
  #count = 0;
  #isClosed = false;

  /** Threads that there are. */
  get count(): number {
    return this.#count;
  }

  /** Returns a thread that does nothing, if possible one that has the view. */
  take(view: ImageView | undefined): AnalysisThread {
    const idle = [...this.#idle.keys()].filter(({ isFree }) => isFree);
    const known = idle.find((thread) => view !== undefined && thread.view === view) ?? idle[0];
    if (!known) {
      this.#count++;
      return new AnalysisThread();
    }
    this.#forget(known);
    known.setIdle(false);
    return known;
  }

  /** Takes back a thread. Ends it, unless its analysis has come to an end. */
  giveBack(thread: AnalysisThread): void {
    if (this.#isClosed || !thread.isFree) {
      this.end(thread);
      return;
    }
    thread.sources = undefined;
    thread.setIdle(true);
    this.#idle.set(thread, setTimeout(() => this.end(thread), IDLE_MS).unref());
    for (const oldest of this.#idle.keys()) if (this.#idle.size > IDLE_MAX) this.end(oldest);
  }

  /** Ends the threads that wait, and the others when their analyses have ended. */
  close(): void {
    this.#isClosed = true;
    for (const thread of this.#idle.keys()) this.end(thread);
  }

  /** Ends a thread, whatever it does. Call it once. */
  end(thread: AnalysisThread): void {
    this.#forget(thread);
    this.#count--;
    thread.end();
  }

  #forget(thread: AnalysisThread): void {
    clearTimeout(this.#idle.get(thread));
    this.#idle.delete(thread);
  }
}
