import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as the proxy saw it, and what it sent back. */
export interface SeenRequest {
  at: 'registry' | 'storage'; // which of its two ports
  method: string;
  path: string; // with the query
  headers: IncomingHttpHeaders;
  body: string;
  status: number; // 0: the connection was cut before a status
  bodyBytes: number; // sent, as far as we know
  sentBytes: number; // of the request's body
}

/** An answer on its way back, for a fault to change. */
export interface ProxyAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>; // undefined: leave it out
  body: Buffer;
  cut?: { after: number; how: 'reset' | 'stall' | 'end' }; // bytes of the body that get through
  drip?: { bytes: number; everyMs: number };
}

/** A fault. `instead` answers without the registry; `change` alters the registry's answer. */
export interface Fault {
  lost?: boolean; // the registry acts, but the connection is cut before its answer
  unanswered?: 'silence' | 'reset'; // no status: the connection stays open or is cut
  ask?(headers: IncomingHttpHeaders): IncomingHttpHeaders; // alters what the registry is asked
  instead?(seen: SeenRequest, proxy: FaultProxy): ProxyAnswer;
  change?(answer: ProxyAnswer, seen: SeenRequest): ProxyAnswer;
}

export interface FaultRule {
  method?: string;
  path: RegExp; // against path and query
  at?: 'registry' | 'storage';
  nth?: number | readonly number[]; // of the requests that this rule matches, from 1; all when left out
  fault: Fault;
}

// --- faults, tiny constructors for tables ---

export function status(
  code: number,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): Fault {
  return { instead: () => ({ status: code, headers, body: Buffer.from(body) }) };
}
/** Sends not even a status. */
export function noAnswer(unanswered: 'silence' | 'reset' = 'silence'): Fault {
  return { unanswered };
}
/** The registry does what it is asked to, and its answer is lost. */
export function lostAnswer(): Fault {
  return { lost: true };
}
export function resetAfter(after: number): Fault {
  return { change: (answer) => ({ ...answer, cut: { after, how: 'reset' } }) };
}
/** Sends so many bytes and then nothing more; the connection stays open until the proxy stops. */
export function stallAfter(after: number): Fault {
  return { change: (answer) => ({ ...answer, cut: { after, how: 'stall' } }) };
}
/** Ends the body early, as if it were whole: chunked, so that no Content-Length gives it away. */
export function truncateAfter(after: number): Fault {
  return {
    change: (answer) => ({
      ...answer,
      body: answer.body.subarray(0, after),
      headers: withoutLength(answer.headers),
    }),
  };
}
/** Closes the connection in the middle of a body whose length was announced. */
export function endAfter(after: number): Fault {
  return { change: (answer) => ({ ...answer, cut: { after, how: 'end' } }) };
}
export function drip(bytes: number, everyMs: number): Fault {
  return { change: (answer) => ({ ...answer, drip: { bytes, everyMs } }) };
}
/** 200 and the whole blob for a Range. */
export function ignoreRange(): Fault {
  return { ask: ({ range: _, ...headers }) => headers };
}
/** A 206 with another Content-Range, or without one. */
export function contentRange(value: string | undefined): Fault {
  return setHeaders({ 'content-range': value });
}
/** Asks the registry for another range than the client did, and passes its answer on as it is. */
export function otherRange(range: string): Fault {
  return { ask: (headers) => ({ ...headers, range }) };
}
/** undefined takes a header away. */
export function setHeaders(headers: Record<string, string | undefined>): Fault {
  return { change: (answer) => ({ ...answer, headers: { ...answer.headers, ...headers } }) };
}
export function replaceBody(body: Buffer | string, headers: Record<string, string | undefined> = {}): Fault {
  return {
    change: (answer) => {
      const bytes = Buffer.from(body);
      return {
        ...answer,
        body: bytes,
        headers: { ...answer.headers, 'content-length': String(bytes.length), ...headers },
      };
    },
  };
}
/** One wrong byte. */
export function corruptAt(offset: number): Fault {
  return {
    change: (answer) => {
      const body = Buffer.from(answer.body);
      body[offset] = body[offset]! ^ 0xff;
      return { ...answer, body };
    },
  };
}
/** So many bytes more than there are; `chunked` without a Content-Length that says so. */
export function extraBytes(count: number, options: { chunked?: boolean } = {}): Fault {
  return {
    change: (answer) => {
      const body = Buffer.concat([answer.body, Buffer.alloc(count)]);
      const headers = options.chunked
        ? withoutLength(answer.headers)
        : { ...answer.headers, 'content-length': String(body.length) };
      return { ...answer, body, headers };
    },
  };
}
export function redirectTo(
  location: string | ((seen: SeenRequest, proxy: FaultProxy) => string),
  code = 307,
): Fault {
  return {
    instead: (seen, proxy) => {
      const to = typeof location === 'string' ? location : location(seen, proxy);
      return { status: code, headers: { location: to }, body: Buffer.alloc(0) };
    },
  };
}
/**
 * A redirect to the proxy's storage port with a signature. `revokeSignatures` ends all signatures.
 */
export function redirectToStorage(): Fault {
  return redirectTo((seen, proxy) => `${proxy.storageUrl}${seen.path}?signature=${proxy.signature}`);
}

function withoutLength(headers: ProxyAnswer['headers']): ProxyAnswer['headers'] {
  return { ...headers, 'content-length': undefined };
}

// --- the proxy ---

/** A token service on the registry's own port (`/token`). Tokens name their repositories. */
export interface TokenServiceOptions {
  expiresIn?: number; // seconds in the answer; left out when undefined
  field?: 'token' | 'access_token';
  refusePost?: boolean;
  /**
   * Returns whether it serves a request; default: all. `authorization` is undefined for anonymous
   * ones.
   */
  accepts?: (authorization: string | undefined, form: URLSearchParams) => boolean;
}

export interface FaultProxyOptions {
  target: string; // URL of the registry
  rules?: FaultRule[];
  tokens?: TokenServiceOptions; // then /v2/ wants a token of the service
}

/** Stands before a registry, injects faults by rule and records what was asked. */
export class FaultProxy {
  readonly seen: SeenRequest[] = [];
  /** Tests may add rules at any time; the first that matches counts. */
  readonly rules: FaultRule[];
  readonly #options: FaultProxyOptions;
  readonly #counts = new Map<FaultRule, number>();
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #validTokens = new Set<string>();
  #issued = 0;
  signature = 'signature-1';
  host = '';
  connections = 0; // that were ever opened
  storageUrl = '';

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.rules = [...(options.rules ?? [])];
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.host = `127.0.0.1:${await proxy.#listen('registry')}`;
    // Another port and another name: another origin twice over.
    proxy.storageUrl = `http://localhost:${await proxy.#listen('storage')}`;
    return proxy;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Requests below a path, in order. */
  requests(path: RegExp, at: 'registry' | 'storage' = 'registry'): SeenRequest[] {
    return this.seen.filter((seen) => seen.at === at && path.test(seen.path));
  }

  /** Body bytes that were sent for blobs, by either port. */
  get blobBytes(): number {
    const blobs = this.seen.filter((seen) => /\/blobs\//.test(seen.path));
    return blobs.reduce((sum, seen) => sum + seen.bodyBytes, 0);
  }

  revokeSignatures(): void {
    this.signature = `signature-${Number(this.signature.split('-')[1]) + 1}`;
  }

  revokeTokens(): void {
    this.#validTokens = new Set();
  }

  /** Closes every connection that is open, as a network that goes away. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    this.cutConnections();
    await Promise.all(closed);
  }

  async #listen(at: 'registry' | 'storage'): Promise<number> {
    const server = createServer((incoming, outgoing) => {
      void this.#serve(at, incoming, outgoing).catch(() => outgoing.destroy());
    });
    server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async #serve(
    at: 'registry' | 'storage',
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const body = await collect(incoming);
    const seen: SeenRequest = {
      at,
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: body.toString('utf8'),
      status: 0,
      bodyBytes: 0,
      sentBytes: body.length,
    };
    this.seen.push(seen);
    const fault = this.#faultFor(seen);
    if (fault?.unanswered !== undefined) {
      if (fault.unanswered === 'reset') incoming.socket.resetAndDestroy();
      return;
    }
    const refused = fault?.instead ? undefined : (this.#storageRefusal(seen) ?? this.#tokenAnswer(seen));
    let answer = fault?.instead?.(seen, this) ?? refused ?? (await this.#forward(seen, body, fault));
    if (fault?.lost) {
      incoming.socket.resetAndDestroy();
      return;
    }
    if (fault?.change && !refused) answer = fault.change(answer, seen);
    this.#send(answer, seen, outgoing);
  }

  #faultFor(seen: SeenRequest): Fault | undefined {
    for (const rule of this.rules) {
      if (rule.method !== undefined && rule.method !== seen.method) continue;
      if ((rule.at ?? 'registry') !== seen.at || !rule.path.test(seen.path)) continue;
      const count = (this.#counts.get(rule) ?? 0) + 1;
      this.#counts.set(rule, count);
      if (rule.nth === undefined || [rule.nth].flat().includes(count)) return rule.fault;
    }
    return undefined;
  }

  /**
   * Storage accepts signatures only, and refuses a request that also has an Authorization (as S3
   * does).
   */
  #storageRefusal(seen: SeenRequest): ProxyAnswer | undefined {
    if (seen.at !== 'storage') return undefined;
    const xml = { 'content-type': 'application/xml' };
    if (seen.headers.authorization !== undefined) {
      return { status: 400, headers: xml, body: Buffer.from('<Error><Code>InvalidArgument</Code></Error>') };
    }
    if (new URL(seen.path, this.url).searchParams.get('signature') === this.signature) return undefined;
    return { status: 403, headers: xml, body: Buffer.from('<Error><Code>AccessDenied</Code></Error>') };
  }

  #tokenAnswer(seen: SeenRequest): ProxyAnswer | undefined {
    const tokens = this.#options.tokens;
    if (tokens === undefined || seen.at === 'storage') return undefined;
    const url = new URL(seen.path, this.url);
    const json = { 'content-type': 'application/json' };
    if (url.pathname === '/token') {
      if (seen.method === 'POST' && tokens.refusePost)
        return { status: 405, headers: {}, body: Buffer.alloc(0) };
      const accepted = (tokens.accepts ?? (() => true))(
        seen.headers.authorization,
        new URLSearchParams(seen.body),
      );
      if (!accepted)
        return {
          status: 401,
          headers: json,
          body: Buffer.from('{"details":"incorrect username or password"}'),
        };
      const token = `token-${++this.#issued}`;
      this.#validTokens.add(token);
      const answer = {
        [tokens.field ?? 'token']: token,
        ...(tokens.expiresIn && { expires_in: tokens.expiresIn }),
      };
      return { status: 200, headers: json, body: Buffer.from(JSON.stringify(answer)) };
    }
    const given = /^Bearer (.*)$/.exec(seen.headers.authorization ?? '')?.[1];
    if (given !== undefined && this.#validTokens.has(given)) return undefined;
    const repository = /^\/v2\/(.*)\/(manifests|blobs)\//.exec(url.pathname)?.[1];
    const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull"`;
    const challenge = `Bearer realm="${this.url}/token",service="test"${scope}`;
    return {
      status: 401,
      headers: { ...json, 'www-authenticate': challenge },
      body: Buffer.from('{"errors":[]}'),
    };
  }

  #forward(seen: SeenRequest, body: Buffer, fault: Fault | undefined): Promise<ProxyAnswer> {
    const url = new URL(seen.path, this.#options.target);
    if (url.searchParams.has('signature')) url.searchParams.delete('signature');
    const { host: _, authorization, ...rest } = fault?.ask?.({ ...seen.headers }) ?? seen.headers;
    // The registry behind us has its own idea of credentials; our tokens are none of its business.
    const own = this.#options.tokens === undefined && authorization !== undefined ? { authorization } : {};
    return new Promise((resolve, reject) => {
      const outgoing = request(
        url,
        { method: seen.method, headers: { ...rest, ...own }, agent: false },
        (answer) => {
          collect(answer).then(
            (bytes) =>
              resolve({
                status: answer.statusCode ?? 0,
                headers: this.#ownLocation(answer.headers),
                body: bytes,
              }),
            reject,
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** The registry names itself by the address that it was asked at. */
  #ownLocation(headers: IncomingHttpHeaders): ProxyAnswer['headers'] {
    const { location } = headers;
    if (!location?.startsWith(this.#options.target)) return { ...headers };
    return { ...headers, location: this.url + location.slice(this.#options.target.length) };
  }

  #send(answer: ProxyAnswer, seen: SeenRequest, outgoing: ServerResponse): void {
    seen.status = answer.status;
    const length = seen.method === 'HEAD' || answer.status === 304 ? undefined : String(answer.body.length);
    const asked = 'content-length' in answer.headers ? answer.headers['content-length'] : length;
    for (const [name, value] of Object.entries({ ...answer.headers, 'content-length': asked })) {
      // The hop's own, not the answer's (RFC 9110 section 7.6.1).
      const ofHop = name === 'connection' || name === 'transfer-encoding';
      if (value !== undefined && !ofHop) outgoing.setHeader(name, value);
    }
    outgoing.writeHead(answer.status);
    if (seen.method === 'HEAD') {
      outgoing.end();
      return;
    }
    if (answer.drip) {
      this.#drip(answer, seen, outgoing, answer.drip);
      return;
    }
    const through = answer.cut ? answer.body.subarray(0, answer.cut.after) : answer.body;
    seen.bodyBytes = through.length;
    if (!answer.cut) {
      outgoing.end(through);
      return;
    }
    const { how } = answer.cut;
    // Without a first write the head would stay in a buffer.
    outgoing.flushHeaders();
    outgoing.write(through, () => {
      if (how === 'end') outgoing.socket?.end();
      // A reset overtakes bytes that the receiver has not read yet, so wait for a moment. No test
      // depends on it.
      if (how === 'reset') this.#timers.add(setTimeout(() => outgoing.socket?.resetAndDestroy(), 20));
    });
  }

  #drip(
    answer: ProxyAnswer,
    seen: SeenRequest,
    outgoing: ServerResponse,
    { bytes, everyMs }: { bytes: number; everyMs: number },
  ): void {
    const timer = setInterval(() => {
      const piece = answer.body.subarray(seen.bodyBytes, seen.bodyBytes + bytes);
      if (piece.length === 0 || outgoing.destroyed) {
        clearInterval(timer);
        outgoing.end();
        return;
      }
      seen.bodyBytes += piece.length;
      outgoing.write(piece);
    }, everyMs);
    this.#timers.add(timer);
  }
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
