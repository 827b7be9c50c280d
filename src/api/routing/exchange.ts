import type { IncomingMessage, ServerResponse } from 'node:http';
import { LayerslayerError } from '../../base/errors.js';

/** A request and its answer, from the first byte to the end of the answer. */
export class Exchange {
  readonly #controller = new AbortController();
  readonly #tasks: (() => void)[] = [];
  readonly #sentBefore: number; // bytes of the connection
  #isEnded = false;

  /** @param ends the server ends */
  constructor(
    private readonly env: { incoming: IncomingMessage; outgoing: ServerResponse },
    ends: AbortSignal,
  ) {
    const { outgoing, incoming } = env;
    this.#sentBefore = incoming.socket.bytesWritten;
    const onEnd = () => this.#controller.abort(ends.reason);
    const end = () => {
      if (this.#isEnded) return;
      this.#isEnded = true;
      ends.removeEventListener('abort', onEnd);
      incoming.socket.off('close', end);
      if (!outgoing.writableFinished)
        this.#controller.abort(new LayerslayerError('ABORTED', 'the client went away'));
      for (const task of this.#tasks.splice(0)) task();
    };
    ends.addEventListener('abort', onEnd, { once: true });
    outgoing.once('close', end);
    // An answer that waits behind others of its connection never has the event.
    incoming.socket.setMaxListeners(0).once('close', end);
    if (outgoing.destroyed || incoming.socket.destroyed) end();
    else if (ends.aborted) onEnd();
  }

  /** Aborted when the client goes away before the answer has ended, or when the server ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Aborts the signal with TIMED_OUT unless the answer has begun in time.
   * @returns what to call when it begins
   */
  startBy(ms: number): () => void {
    const late = new LayerslayerError('TIMED_OUT', `no answer within ${Math.round(ms / 1000)} s`);
    const timer = setTimeout(() => this.#controller.abort(late), ms);
    const started = () => clearTimeout(timer);
    this.afterwards(started);
    return started;
  }

  /** 499 if the client went away before the answer began. (nginx) */
  get status(): number {
    const { outgoing } = this.env;
    return outgoing.headersSent ? outgoing.statusCode : 499;
  }

  /** Bytes of the answer that were passed to the system, with its head. */
  get sentBytes(): number {
    return this.env.incoming.socket.bytesWritten - this.#sentBefore;
  }

  /** Calls `task` when the answer has ended, however it ends, or at once if it has. */
  afterwards(task: () => void): void {
    if (this.#isEnded) task();
    else this.#tasks.push(task);
  }
}
