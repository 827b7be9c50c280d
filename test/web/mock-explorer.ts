import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

/** As api/routes/static.ts has it: what it refuses would be refused in the test too. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
  "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };

/** Answers one route below /api/v1. */
export type Answer = (query: URLSearchParams, request: IncomingMessage, response: ServerResponse) => void;

/** The built explorer, with answers of the API that a test chooses: of any size, and any fault. */
export class MockExplorer {
  readonly requests: string[] = []; // URLs below /api/v1, in order
  readonly #server: Server;

  private constructor(program: string, answers: Record<string, Answer>) {
    const web = join(dirname(program), '../web/');
    const all: Record<string, Answer> = { image: imageAnswer, events: eventsAnswer, ...answers };
    this.#server = createServer((request, response) => {
      const url = new URL(request.url!, 'http://localhost');
      const route = /^\/api\/v1\/(.+)$/.exec(url.pathname)?.[1];
      if (route === undefined) return sendPage(web, url.pathname, response);
      this.requests.push(request.url!);
      const answer = all[route];
      if (answer) return answer(url.searchParams, request, response);
      sendJson(response, { error: { code: 'NOT_FOUND', message: `no answer for ${route}` } }, 404);
    });
  }

  /** @param program the built command: the page is beside it */
  static async start(program: string, answers: Record<string, Answer>): Promise<MockExplorer> {
    const explorer = new MockExplorer(program, answers);
    await new Promise<void>((resolve) => explorer.#server.listen(0, '127.0.0.1', resolve));
    return explorer;
  }

  /** Returns the URL of a place, see formatPlace. */
  url(place: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/i/sample:1/~/${place}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function sendPage(web: string, path: string, response: ServerResponse): void {
  const name = /^\/assets\/([\w.-]+)$/.exec(path)?.[1];
  if (name === undefined) {
    response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': POLICY });
    response.end(readFileSync(`${web}index.html`));
    return;
  }
  const isThere = readdirSync(`${web}assets`).includes(name);
  response.writeHead(isThere ? 200 : 404, { 'Content-Type': TYPES[name.split('.').at(-1)!] ?? '' });
  response.end(isThere ? readFileSync(`${web}assets/${name}`) : '');
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

export function sendLines(response: ServerResponse, rows: Iterable<unknown>): void {
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  for (const row of rows) response.write(`${JSON.stringify(row)}\n`);
  response.end();
}

/** Answers a range of a file whose bytes are computed. */
export function sendFile(
  size: number,
  bytesAt: (offset: number, length: number) => Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const offset = Number(first ?? 0);
  const end = Math.min(size, Number(last ?? size - 1) + 1);
  response.writeHead(first === undefined ? 200 : 206, {
    'Content-Type': 'application/octet-stream',
    'Content-Range': `bytes ${offset}-${end - 1}/${size}`,
  });
  response.end(bytesAt(offset, end - offset));
}

const LAYERS = [1, 2, 3].map((number) => ({
  number,
  digest: `sha256:${String(number).repeat(64)}`,
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  size: number * 1_000_000,
  indexed: true,
  entries: 10 * number,
  step: ['ADD rootfs.tar / ', 'RUN apk add --no-cache nginx', 'RUN rm -rf /var/cache'][number - 1],
}));

/** Returns the answer of `/image`. @param changes of its layers */
export function imageOf(changes: readonly object[] = []): object {
  return {
    reference: 'sample:1',
    digest: `sha256:${'a'.repeat(64)}`,
    platform: 'linux/amd64',
    platforms: [],
    config: {},
    steps: LAYERS.map(({ number, step }) => ({ createdBy: step, emptyLayer: false, layer: number })),
    layers: LAYERS.map((layer, i) => ({ ...layer, ...changes[i] })),
  };
}

function imageAnswer(_: URLSearchParams, __: IncomingMessage, response: ServerResponse): void {
  sendJson(response, imageOf());
}

function eventsAnswer(_: URLSearchParams, __: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.end('id: 1\nevent: indexed\ndata: {"entries":60}\n\n');
}
