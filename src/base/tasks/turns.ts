/** Longest time between two turns of the event loop that all tasks of a thread take together. */
const SLICE_MS = 4;

/** Continue the tasks of this thread that wait for a turn, first come, first served. */
const waiting: (() => void)[] = [];

/** When tasks must wait; undefined: none has worked since the event loop turned. */
let endMs: number | undefined;
let isScheduled = false;

/**
 * Lets the event loop turn during a long task, on a thread that also answers requests. All tasks of
 * the thread share the time between two turns: else a short request would wait for one slice of
 * each listing under way.
 */
export class Turns {
  constructor(private readonly signal: AbortSignal) {}

  get isDue(): boolean {
    const now = performance.now();
    if (endMs === undefined) beginSlice(now);
    return now >= endMs!;
  }

  /**
   * Returns a promise of the next turn if it is time for one. Cheap enough to ask for each row. The
   * caller awaits it at once.
   * @throws the promise: the signal's reason
   */
  due(): Promise<void> | undefined {
    return this.isDue ? this.#turn() : undefined;
  }

  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => waiting.push(resolve));
    this.signal.throwIfAborted();
  }
}

function beginSlice(now: number): void {
  endMs = now + SLICE_MS;
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(turned);
}

/** Continues one task: the others wait for the next turn. */
function turned(): void {
  isScheduled = false;
  endMs = undefined;
  const next = waiting.shift();
  if (!next) return;
  beginSlice(performance.now());
  next();
}
