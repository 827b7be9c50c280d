import type { StallTimer } from './stall-timer.js';

/** A handle on a connection, from undici or `dispatchLoosely`, for the handler of a response. */
export interface BodyControl {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

export type ChunkSink = (chunk: Uint8Array) => void | Promise<void>;

/** Bytes discarded to reuse a connection. For more, closing it is cheaper. */
const DISCARD_MAX = 64 * 1024;
/** Ms for discarding. A server that drips must not hold a connection. */
const DISCARD_MS = 5_000;

/**
 * The body of a response. It passes chunks straight from the connection to a sink: a stream object
 * in between would double the cost of a MB on the receiving thread (measured). It is paused until
 * it is consumed.
 */
export class ResponseBody {
  readonly #control: BodyControl;
  readonly #stall: StallTimer;
  #sink: ChunkSink | undefined;
  #finish: ((error?: unknown) => void) | undefined;
  /** Bytes that arrived before a consumer. */
  readonly #early: Uint8Array[] = [];
  #delivering = false; // the sink is busy with a chunk
  #ended = false;
  #failure: unknown;
  #cancelled = false;

  constructor(control: BodyControl, stall: StallTimer) {
    this.#control = control;
    this.#stall = stall;
    this.#pause();
  }

  /**
   * Passes each chunk to `sink`, in order. If that returns a promise, the connection is paused
   * until it resolves. Call it once.
   * @throws RegistryFault if the connection fails; the error of `sink`
   */
  consume(sink: ChunkSink): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sink = sink;
      this.#finish = (error) => (error === undefined ? resolve() : reject(error));
      if (this.#early.length > 0) this.#deliver(Buffer.concat(this.#early.splice(0)));
      if (!this.#delivering) this.#proceed();
    });
  }

  /** Ends `consume` as if the body ended here, and closes the connection. */
  cancel(): void {
    this.#cancelled = true;
    if (!this.#ended) this.#control.abort(new Error('not wanted any more'));
  }

  /** Returns the whole body. It is cut after `limit` bytes; `complete` is then false. */
  async collect(limit: number): Promise<{ bytes: Uint8Array; complete: boolean }> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    await this.consume((chunk) => {
      // A copy: the chunk may be a view of a much larger buffer.
      if (size < limit) chunks.push(Uint8Array.from(chunk.subarray(0, limit - size)));
      size += chunk.length;
      if (size > limit) this.cancel();
    });
    return { bytes: Buffer.concat(chunks), complete: size <= limit };
  }

  /** Reads a short body to its end, to reuse its connection. Closes that of a long one. */
  discard(): void {
    if (this.#sink) return;
    let size = 0;
    const timer = setTimeout(() => this.cancel(), DISCARD_MS);
    const ended = this.consume((chunk) => {
      size += chunk.length;
      if (size > DISCARD_MAX) this.cancel();
    });
    // No caller waits for these bytes, so a failure of the connection is dropped.
    ended.catch(() => {}).finally(() => clearTimeout(timer));
  }

  onData(chunk: Uint8Array): void {
    if (this.#cancelled) return;
    this.#stall.touch();
    if (this.#sink) {
      this.#deliver(chunk);
      return;
    }
    this.#early.push(Uint8Array.from(chunk));
    this.#pause();
  }

  onEnd(): void {
    this.#end(undefined);
  }

  /** @param error for the reader */
  onError(error: unknown): void {
    this.#end(this.#cancelled ? undefined : error);
  }

  #deliver(chunk: Uint8Array): void {
    try {
      const waiting = this.#sink?.(chunk);
      if (!waiting) return;
      this.#delivering = true;
      this.#pause();
      waiting.then(
        () => {
          this.#delivering = false;
          this.#proceed();
        },
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #proceed(): void {
    if (this.#ended) {
      this.#finish?.(this.#failure);
      return;
    }
    this.#stall.start();
    this.#control.resume();
  }

  /** Ends with the sink's own error, not that of the connection that closes then. */
  #fail(error: unknown): void {
    this.#delivering = false;
    this.#end(error);
    this.#control.abort(new Error('its reader failed'));
  }

  #pause(): void {
    this.#stall.stop();
    this.#control.pause();
  }

  #end(failure: unknown): void {
    this.#stall.stop();
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    // The last chunk was complete: the end waits for the sink, a failure does not.
    if (!this.#delivering || failure !== undefined) this.#finish?.(failure);
  }
}
