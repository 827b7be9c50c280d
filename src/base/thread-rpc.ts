import type { Transferable } from 'node:worker_threads';
import {
  asLayerslayerError,
  type ErrorRecord,
  fromErrorRecord,
  LayerslayerError,
  toErrorRecord,
} from './errors.js';

/**
 * Calls and notices between threads over a MessagePort (or a Worker, or parentPort: whatever posts and receives).
 * A call is answered once; aborting the caller's signal aborts the signal that the callee was given. Buffers named
 * in `transfer` move instead of being cloned.
 */

/** The part of MessagePort and Worker that is needed here. */
export interface Endpoint {
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** A handler's result together with the buffers in it that move to the caller. */
export class Transferred<T> {
  constructor(
    readonly value: T,
    readonly transfer: readonly Transferable[],
  ) {}
}

type Handler = (argument: never, signal: AbortSignal) => unknown;
/** Methods that one side offers: each takes one argument and a signal. A notice's result is ignored. */
export type Handlers = Record<string, Handler>;
type ArgumentOf<H> = H extends (argument: infer A, signal: AbortSignal) => unknown ? A : never;
type ResultOf<H> = H extends (...args: never[]) => infer R
  ? Awaited<R> extends Transferred<infer T>
    ? T
    : Awaited<R>
  : never;

type Message =
  | { type: 'call'; id: number; method: string; argument: unknown }
  | { type: 'notice'; method: string; argument: unknown }
  | { type: 'cancel'; id: number }
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; error: ErrorRecord };

/** Notices are not aborted. */
const NEVER = new AbortController().signal;

/** One end of a conversation: calls the other's handlers, answers with its own. */
export class ThreadPeer<Remote extends object> {
  readonly #endpoint: Endpoint;
  readonly #handlers: Handlers;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #serving = new Map<number, AbortController>();
  #nextId = 1;
  #closed: LayerslayerError | undefined;

  constructor(endpoint: Endpoint, handlers: object = {}) {
    this.#endpoint = endpoint;
    this.#handlers = handlers as Handlers;
    endpoint.on('message', (message) => this.#receive(message as Message));
  }

  call<M extends keyof Remote & string>(
    method: M,
    argument: ArgumentOf<Remote[M]>,
    options: { transfer?: readonly Transferable[]; signal?: AbortSignal } = {},
  ): Promise<ResultOf<Remote[M]>> {
    const { signal, transfer } = options;
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(asLayerslayerError(signal.reason));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const onAbort = () => this.#endpoint.postMessage({ type: 'cancel', id } satisfies Message);
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = () => {
        this.#calls.delete(id);
        signal?.removeEventListener('abort', onAbort);
      };
      this.#calls.set(id, {
        resolve: (value) => {
          settle();
          resolve(value as ResultOf<Remote[M]>);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#endpoint.postMessage({ type: 'call', id, method, argument } satisfies Message, transfer);
    });
  }

  notify<M extends keyof Remote & string>(
    method: M,
    argument: ArgumentOf<Remote[M]>,
    transfer?: readonly Transferable[],
  ): void {
    if (!this.#closed)
      this.#endpoint.postMessage({ type: 'notice', method, argument } satisfies Message, transfer);
  }

  /** The other end is gone: every call under way and to come fails with `error`. */
  close(error: LayerslayerError): void {
    this.#closed ??= error;
    for (const call of [...this.#calls.values()]) call.reject(error);
    for (const serving of this.#serving.values()) serving.abort(error);
  }

  #receive(message: Message): void {
    switch (message.type) {
      case 'call':
        void this.#serve(message.id, message.method, message.argument);
        return;
      case 'notice':
        this.#notice(message.method, message.argument);
        return;
      case 'cancel':
        this.#serving.get(message.id)?.abort(new LayerslayerError('ABORTED', 'aborted'));
        return;
      case 'result':
        this.#calls.get(message.id)?.resolve(message.value);
        return;
      case 'error':
        this.#calls.get(message.id)?.reject(fromErrorRecord(message.error));
        return;
    }
  }

  /** A notice has nobody to tell of a fault; whoever calls next finds it. */
  #notice(method: string, argument: unknown): void {
    const outcome = this.#handlers[method]?.(argument as never, NEVER);
    if (outcome instanceof Promise) outcome.catch(() => {});
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
