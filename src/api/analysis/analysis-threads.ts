import type { ImageView } from '../../image/opened-image.js';
import { AnalysisThread } from './analysis-thread.js';

/** Maximum idle threads. Each has the memory of its last analysis. */
const IDLE_MAX = 2;

/** How long an idle thread lives. */
const IDLE_MS = 30_000;

/**
 * A pool of threads for analyses. Starting a thread, and what it derives from a view, take longer
 * than most analyses.
 */
export class AnalysisThreads {
  readonly #idle = new Map<AnalysisThread, NodeJS.Timeout>(); // the last used at the end
  #count = 0; // of all that exist
  #isClosed = false;

  /** Threads with an analysis, or about to end. */
  get working(): number {
    return this.#count - this.#idle.size;
  }

  /** Threads without an analysis. */
  get idle(): number {
    return this.#idle.size;
  }

  /** Returns an idle thread or a new one, if possible one that has the view. */
  take(view: ImageView | undefined): AnalysisThread {
    const idle = [...this.#idle.keys()].filter(({ isFree }) => isFree);
    const known = idle.find((thread) => view !== undefined && thread.view === view) ?? idle[0];
    if (!known) return this.#start();
    this.#forget(known);
    known.setIdle(false);
    return known;
  }

  /** Returns a thread to the pool. One with an unfinished analysis is ended. */
  release(thread: AnalysisThread): void {
    if (this.#isClosed || !thread.isFree) {
      this.end(thread);
      return;
    }
    thread.sources = undefined;
    thread.setIdle(true);
    this.#idle.set(thread, setTimeout(() => this.end(thread), IDLE_MS).unref());
    for (const oldest of this.#idle.keys()) if (this.#idle.size > IDLE_MAX) this.end(oldest);
  }

  /** Ends idle threads now, and the others after their analyses. */
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
