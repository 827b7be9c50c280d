import type { Socket } from 'node:net';
import { LooseResponse, type ResponseEvent } from './loose-response.js';
import type { BodyControl } from './response-body.js';
import type { AnswerHandler, Connector, ConnectTarget, WireRequest } from './wire.js';

/**
 * Sends one request on its own connection and parses the response loosely, for servers that
 * undici's parser rejects. Calls the handler as undici's `dispatch` does.
 * @returns a function that aborts the exchange; its handler gets the error
 */
export function dispatchLoosely(
  connector: Connector,
  target: ConnectTarget,
  request: WireRequest,
  handler: AnswerHandler,
): (reason: Error) => void {
  let exchange: LooseExchange | undefined;
  let ended: Error | undefined;
  connector(target, (error, socket) => {
    if (ended) socket?.destroy();
    else if (error || !socket) handler.onResponseError(undefined, error ?? new Error('no socket'));
    else exchange = new LooseExchange(socket, request, handler);
  });
  return (reason) => {
    if (ended) return;
    ended = reason;
    if (exchange) exchange.abort(reason);
    else handler.onResponseError(undefined, reason);
  };
}

class LooseExchange implements BodyControl {
  readonly #socket: Socket;
  readonly #handler: AnswerHandler;
  readonly #response: LooseResponse;
  readonly #events: (ResponseEvent | Error)[] = []; // not delivered yet; the last may be an error
  #paused = false;
  #delivering = false;
  #done = false;

  constructor(socket: Socket, request: WireRequest, handler: AnswerHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.#response = new LooseResponse(request.method);
    socket.on('error', (error) => this.#add([error]));
    handler.onRequestStart(this, { remoteAddress: socket.remoteAddress });
    // The handler may reject the address before a byte is sent.
    if (this.#done) return;
    socket.on('data', (bytes: Buffer) => this.#read(() => this.#response.push(bytes)));
    socket.on('end', () => this.#read(() => this.#response.finish()));
    socket.on('close', () => this.#read(() => this.#response.finish()));
    socket.write(encodeRequest(request));
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  abort(reason: Error): void {
    if (this.#done) return;
    this.#finish();
    this.#handler.onResponseError(this, reason);
  }

  #read(parse: () => ResponseEvent[]): void {
    if (this.#done || this.#events.at(-1) instanceof Error) return;
    try {
      this.#add(parse());
    } catch (error) {
      this.#add([error as Error]);
    }
  }

  #add(events: (ResponseEvent | Error)[]): void {
    this.#events.push(...events);
    this.#deliver();
  }

  /** The handler may pause, resume or abort during an event. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    let next = 0;
    while (!this.#done && !this.#paused && next < this.#events.length) this.#hand(this.#events[next++]!);
    this.#events.splice(0, next);
    this.#delivering = false;
    if (!this.#done && !this.#paused) this.#socket.resume();
  }

  #hand(event: ResponseEvent | Error): void {
    const handler = this.#handler;
    if (event instanceof Error) this.abort(event);
    else if (event instanceof Uint8Array) handler.onResponseData(this, event);
    else if (event === 'end') {
      this.#finish();
      handler.onResponseEnd(this);
    } else handler.onResponseStart(this, event.status, event.headers);
  }

  #finish(): void {
    this.#done = true;
    this.#socket.destroy();
  }
}

function encodeRequest({ method, path, headers, body }: WireRequest): Buffer {
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries({ ...headers, ...length, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`, 'utf8');
}
