import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { UploadBody } from './http-exchange.js';
import { LooseResponse, type ResponseEvent } from './loose-response.js';
import type { BodyControl } from './response-body.js';
import type { AnswerHandler, Connector, ConnectTarget, WireRequest } from './wire.js';

/**
 * One request on its own connection, whose response is parsed loosely, for servers that undici's
 * parser rejects. Calls the handler as undici's `dispatch` does.
 */
export class LooseExchange implements BodyControl {
  /** Resolves when the exchange has ended or failed. */
  readonly ended: Promise<void>;
  readonly #handler: AnswerHandler;
  readonly #response: LooseResponse;
  readonly #events: (ResponseEvent | Error)[] = []; // not delivered yet; the last may be an error
  #socket: Socket | undefined; // undefined until it is connected
  #end = () => {};
  /** Aborted at the end of the exchange: the rest of the body is not sent. */
  readonly #sending = new AbortController();
  #paused = false;
  #delivering = false;
  #done = false;

  constructor(connector: Connector, target: ConnectTarget, request: WireRequest, handler: AnswerHandler) {
    this.#handler = handler;
    this.#response = new LooseResponse(request.method);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    connector(target, (error, socket) => {
      if (this.#done) socket?.destroy();
      else if (socket) this.#start(socket, request);
      else this.abort(error ?? new Error('no socket'));
    });
  }

  #start(socket: Socket, request: WireRequest): void {
    this.#socket = socket;
    socket.on('error', (error) => this.#add([error]));
    this.#handler.onRequestStart(this, { remoteAddress: socket.remoteAddress });
    // The handler may reject the address before a byte is sent.
    if (this.#done) return;
    const finish = () => this.#read(() => this.#response.finish());
    socket.on('data', (bytes: Buffer) => this.#read(() => this.#response.push(bytes)));
    socket.on('end', finish).on('close', finish);
    socket.write(encodeHead(request));
    if (request.body !== null) void this.#send(socket, request.body);
  }

  async #send(socket: Socket, body: string | UploadBody): Promise<void> {
    if (typeof body === 'string') {
      socket.write(body);
      return;
    }
    try {
      for await (const chunk of body.chunks()) {
        if (this.#done) return;
        if (!socket.write(chunk)) await once(socket, 'drain', { signal: this.#sending.signal });
      }
    } catch (error) {
      this.abort(error as Error); // nothing, if the exchange has ended
    }
  }

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
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
    if (!this.#done && !this.#paused) this.#socket?.resume();
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
    this.#sending.abort();
    this.#socket?.destroy();
    this.#end();
  }
}

function encodeHead({ method, path, headers, body }: WireRequest): Buffer {
  const hasLength = method !== 'GET' && method !== 'HEAD';
  const length = hasLength ? { 'content-length': String(bodyLength(body)) } : {};
  const lines = Object.entries({ ...headers, ...length, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'utf8');
}

function bodyLength(body: WireRequest['body']): number {
  if (body === null) return 0;
  return typeof body === 'string' ? Buffer.byteLength(body) : body.length;
}
