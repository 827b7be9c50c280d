// A proxy in front of a registry that makes a slow link of it, and writes down what is asked.
import { createServer, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A round trip: each request waits so long. */
const DELAY_MS = 50;
/** 100 Mbit/s, shared by all responses. */
export const LINE_RATE = 100e6 / 8; // bytes a second

export class SlowProxy {
  #registryPort;
  #server = createServer((incoming, answer) => void this.#serve(incoming, answer));
  #freeAt = 0; // when the line has sent what it was given, ms
  /** Those since `clear`: `{ method, path, range, bytes, begun, ended }`, times in ms. */
  #requests = [];

  /** @param registry `127.0.0.1:PORT` */
  static async start(registry) {
    const proxy = new SlowProxy();
    proxy.#registryPort = registry.split(':')[1];
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get host() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  clear() {
    this.#requests = [];
  }

  /** Returns what was asked since `clear`. */
  summary() {
    const requests = this.#requests.filter(({ ended }) => ended !== undefined);
    return {
      requests,
      /** Of blobs: without manifests. */
      bytes: requests.reduce((sum, { path, bytes }) => sum + (path.includes('/blobs/') ? bytes : 0), 0),
      inSeries: longestChain(requests),
      bytesOf: (digest) =>
        requests.filter(({ path }) => path.endsWith(digest)).reduce((sum, one) => sum + one.bytes, 0),
    };
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(incoming, answer) {
    const { method, url, headers } = incoming;
    const path = url.split('?')[0];
    const one = { method, path, range: headers.range, bytes: 0, begun: performance.now() };
    this.#requests.push(one);
    await sleep(DELAY_MS);
    const onward = request(
      { host: '127.0.0.1', port: this.#registryPort, method, path: url, headers },
      async (response) => {
        answer.writeHead(response.statusCode, response.headers);
        try {
          await pipeline(response, (parts) => this.#limited(parts, one), answer);
        } catch {
          answer.destroy(); // one of both has gone
        }
        one.ended = performance.now();
      },
    );
    onward.once('error', () => answer.destroy());
    incoming.pipe(onward);
  }

  /** Yields a response's parts as fast as the line is. */
  async *#limited(parts, one) {
    for await (const part of parts) {
      one.bytes += part.length;
      await this.#line(part.length);
      yield part;
    }
  }

  /** Waits until the line has sent this. */
  async #line(bytes) {
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes / LINE_RATE) * 1000;
    // Timers are of 1 ms: less is carried over to the next part.
    if (this.#freeAt - now >= 1) await sleep(this.#freeAt - now);
  }
}

/** Returns how many requests there were at most of which each began after the one before ended. */
function longestChain(requests) {
  const byBegin = requests.toSorted((a, b) => a.begun - b.begun);
  const done = []; // depth and end of those so far
  for (const { begun, ended } of byBegin) {
    const before = done.filter((one) => one.ended <= begun).map(({ depth }) => depth);
    done.push({ ended, depth: 1 + Math.max(0, ...before) });
  }
  return Math.max(0, ...done.map(({ depth }) => depth));
}
