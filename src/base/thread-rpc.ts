import type { Transferable } from 'node:worker_threads';
import {
  asLayerslayerError,
  type ErrorRecord,
  fromErrorRecord,
  LayerslayerError,
  toErrorRecord,
} from './errors.js';

/**
 * Calls and notices between threads over a MessagePort, a Worker or parentPort. Each call is
 * answered once. Aborting the caller's signal aborts the signal of the handler. Buffers in
 * `transfer` move instead of being cloned.
 */

/** The part of MessagePort and Worker that is used here. */
export interface Endpoint {
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  /** The other end is gone, perhaps with its thread. A Worker has other events for that. */
  on(event: 'close', listener: () => void): unknown;
}

/** A handler's result, and the buffers in it that move to the caller. */
export class Transferred<T> {
  constructor(
    readonly value: T,
    readonly transfer: readonly Transferable[],
  ) {}
}

type Handler = (argument: never, signal: AbortSignal) => unknown;
/** Methods of one side. Each takes an argument and a signal. A notice's result is ignored. */
type Handlers = Record<string, Handler>;
type ArgumentOf<H> = H extends (argument: infer A, signal: AbortSignal) => unknown ? A : never;
type ResultOf<H> = H extends (...args: never[]) => infer R ? Moved<Awaited<R>> : never;
type Moved<V> = V extends Transferred<infer T> ? T : V;

type Message =
  | { type: 'call'; id: number; method: string; argument: unknown }
  | { type: 'notice'; method: string; argument: unknown }
  | { type: 'cancel'; id: number; reason: ErrorRecord }
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; error: ErrorRecord };

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Notices cannot be aborted. */
const NEVER = new AbortController().signal;

/** One end of a conversation. It calls the other end's handlers and answers calls by its own. */
export class ThreadPeer<Remote extends object> {
  readonly #endpoint: Endpoint;
  readonly #handlers: Handlers;
  readonly #calls = new Map<number, Call>();
  readonly #serving = new Map<number, AbortController>();
  #nextId = 1;
  #closed: LayerslayerError | undefined;

  constructor(endpoint: Endpoint, handlers: object = {}) {
    this.#endpoint = endpoint;
    this.#handlers = handlers as Handlers;
    endpoint.on('message', (message) => this.#receive(message as Message));
    // Otherwise calls to a dead thread would never end, nor the work that it had asked for.
    endpoint.on('close', () => this.close(new LayerslayerError('INTERNAL', 'the other thread is gone')));
  }

  /**
   * An aborted call ends with the other end's answer. When it rejects, its work over there has
   * ended too.
   * @throws LayerslayerError what the handler threw; the signal's reason, as the handler passes it
   *   on
   */
  async call<M extends keyof Remote & string>(
    method: M,
    argument: ArgumentOf<Remote[M]>,
    options: { transfer?: readonly Transferable[]; signal?: AbortSignal | undefined } = {},
  ): Promise<ResultOf<Remote[M]>> {
    const { signal, transfer } = options;
    if (this.#closed) throw this.#closed;
    if (signal?.aborted) throw asLayerslayerError(signal.reason);
    const id = this.#nextId++;
    // Before the call is registered: it throws for values that cannot be cloned.
    this.#endpoint.postMessage({ type: 'call', id, method, argument } satisfies Message, transfer);
    const onAbort = () => {
      const reason = toErrorRecord(signal?.reason);
      this.#endpoint.postMessage({ type: 'cancel', id, reason } satisfies Message);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = new Promise<unknown>((resolve, reject) => this.#calls.set(id, { resolve, reject }));
      return (await answer) as ResultOf<Remote[M]>;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  notify<M extends keyof Remote & string>(
    method: M,
    argument: ArgumentOf<Remote[M]>,
    transfer?: readonly Transferable[],
  ): void {
    if (!this.#closed)
      this.#endpoint.postMessage({ type: 'notice', method, argument } satisfies Message, transfer);
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Fails current and later calls with `error`, and aborts calls that this end serves. */
  close(error: LayerslayerError): void {
    if (this.#closed) return;
    this.#closed = error;
    for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(error);
    for (const serving of this.#serving.values()) serving.abort(error);
  }

  #receive(message: Message): void {
    if (this.#closed) return;
    switch (message.type) {
      case 'call':
        void this.#serve(message.id, message.method, message.argument);
        return;
      case 'notice':
        void this.#notice(message.method, message.argument);
        return;
      case 'cancel':
        this.#serving.get(message.id)?.abort(fromErrorRecord(message.reason));
        return;
      case 'result':
        this.#take(message.id)?.resolve(message.value);
        return;
      case 'error':
        this.#take(message.id)?.reject(fromErrorRecord(message.error));
        return;
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** Drops faults: a notice has no answer. The next call reports the fault. */
  async #notice(method: string, argument: unknown): Promise<void> {
    try {
      await this.#handlers[method]?.(argument as never, NEVER);
    } catch {
      // An exception in a message listener would end its thread.
    }
  }

  async #serve(id: number, method: string, argument: unknown): Promise<void> {
    const controller = new AbortController();
    this.#serving.set(id, controller);
    try {
      const handler = this.#handlers[method];
      if (!handler) throw new LayerslayerError('INTERNAL', `no handler for ${method}`);
      const result = await handler(argument as never, controller.signal);
      if (result instanceof Transferred)
        this.#reply({ type: 'result', id, value: result.value }, result.transfer);
      else this.#reply({ type: 'result', id, value: result });
    } catch (error) {
      this.#reply({ type: 'error', id, error: toErrorRecord(error) });
    } finally {
      this.#serving.delete(id);
    }
  }

  #reply(message: Message, transfer?: readonly Transferable[]): void {
    if (!this.#closed) this.#endpoint.postMessage(message, transfer);
  }
}
