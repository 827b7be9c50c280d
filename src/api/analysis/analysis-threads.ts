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
  #count = 0; // of all that exist
  #isClosed = false;

  /** Threads with an analysis, or about to end. */
  get working(): number {
    return this.#count - this.#idle.size;
  }

  /** Threads that wait. */
  get idle(): number {
    return this.#idle.size;
  }

  /** Returns a thread that does nothing, if possible one that has the view. */
  take(view: ImageView | undefined): AnalysisThread {
    const idle = [...this.#idle.keys()].filter(({ isFree }) => isFree);
    const known = idle.find((thread) => view !== undefined && thread.view === view) ?? idle[0];
    if (!known) return this.#start();
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
    thread.end();
  }

  #start(): AnalysisThread {
    const thread = new AnalysisThread();
    this.#count++;
    void thread.ended.then(() => {
      this.#forget(thread); // it may have crashed while it waited
      this.#count--;
    });
    return thread;
  }

  #forget(thread: AnalysisThread): void {
    clearTimeout(this.#idle.get(thread));
    this.#idle.delete(thread);
  }
}
