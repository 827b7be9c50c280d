import { abortable } from '../../base/tasks/abortable.js';

interface Run<T> {
  result: Promise<T>;
  controller: AbortController;
  users: number;
  isDone: boolean;
}

/**
 * A task whose result all callers share, from the first call on. It ends when no caller waits for
 * it any more. After that, and after a failure, the next call starts it again.
 */
export class SharedTask<T> {
  #run: Run<T> | undefined;

  constructor(private readonly task: (signal: AbortSignal) => Promise<T>) {}

  /** @throws what the task throws; the signal's reason */
  async result(signal: AbortSignal): Promise<T> {
    this.#run ??= this.#start();
    const run = this.#run;
    run.users++;
    try {
      return await abortable(run.result, signal);
    } finally {
      if (--run.users === 0 && !run.isDone) {
        this.#forget(run);
        run.controller.abort();
      }
    }
  }

  #start(): Run<T> {
    const controller = new AbortController();
    const run: Run<T> = { controller, users: 0, isDone: false, result: this.task(controller.signal) };
    run.result.then(
      () => {
        run.isDone = true;
      },
      () => this.#forget(run),
    );
    return run;
  }

  #forget(run: Run<T>): void {
    if (this.#run === run) this.#run = undefined;
  }
}
