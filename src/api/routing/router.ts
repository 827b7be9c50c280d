import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { abortable } from '../../base/tasks/abortable.js';
import type { Gate } from '../access/gate.js';
import { checkForm } from '../access/request-form.js';
import { faultRecord, HTTP_STATUS, HttpFault } from '../answers/http-status.js';
import { Exchange } from './exchange.js';
import { inTurn, type RequestListener } from './in-turn.js';
import { OpenApiDocument } from './openapi-document.js';
import { queryValues } from './query-values.js';
import type { RequestCounts } from './request-counts.js';
import { type Call, type Headers, JsonText, type Reply, type Route } from './route.js';
import { faultLine, lineChunks, sendChunks } from './send.js';
import { wrongParameters } from './wrong-parameters.js';

type Env = { Bindings: HttpBindings };

export interface RouterOptions {
  routes: readonly Route[];
  gate: Gate;
  log: Log;
  counts: RequestCounts;
  version: string; // of the program
  maxRequests: number; // answered at once; others are BUSY
  maxEventStreams: number;
  firstByteMs: number; // deadline of an answer's first byte
  stallMs: number; // a client that reads nothing for so long is cut off
  maxBytes: number; // of one answer
  signal: AbortSignal; // the server ends
}

/** Headers of every answer: nothing of it is a page's, but those of static routes. */
const COMMON_HEADERS: Headers = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Headers of data, unless the route says more: the caller and the form decide about it. */
const DATA_HEADERS: Headers = { ...COMMON_HEADERS, 'Cache-Control': 'no-cache', Vary: 'Accept' };

const ERROR_HEADERS: Headers = {
  ...COMMON_HEADERS,
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store', // a cache may keep a 404 by itself (RFC 9110, 15.1)
};

/** Returns a listener that answers by the routes, and refuses all else. */
export function routeRequests(options: RouterOptions): RequestListener {
  const { routes, log, version } = options;
  const app = new Hono<Env>();
  const open: OpenAnswers = { requests: 0, streams: 0 };
  for (const route of routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    app.get(path, (context) => answer(context, route, open, options));
    app.all(path, (context) => refuseAll(context, notAllowed(), options));
  }
  const document = new OpenApiDocument(routes, version);
  app.get('/openapi.json', async (context) => {
    return await checkCaller(context, {}, options).then(
      async () =>
        respond(context.env.outgoing, await document.text(), 200, {
          'Content-Type': 'application/json',
          ...COMMON_HEADERS,
        }),
      (error) => refuse(context, error, options),
    );
  });
  app.notFound((context) => refuseAll(context, new LayerslayerError('NOT_FOUND', 'no such route'), options));
  app.onError((error, context) => refuse(context, error, options));
  const listener = getRequestListener(app.fetch as Parameters<typeof getRequestListener>[0], {
    overrideGlobalObjects: false,
    errorHandler(error) {
      log.warn(`a request failed: ${String(error)}`);
      const status = error instanceof RequestError ? 400 : 500;
      return new Response(null, { status, headers: COMMON_HEADERS }); // else the client waits forever
    },
  });
  return inTurn(async (incoming, outgoing) => {
    cutIfUnread(incoming, outgoing, options.stallMs);
    try {
      checkForm(incoming);
    } catch (error) {
      refuseForm(incoming, outgoing, error);
      return;
    }
    await listener(incoming, outgoing);
  });
}

/** Cuts off a client that takes nothing of an answer that is complete: node:http would wait. */
function cutIfUnread({ socket }: IncomingMessage, outgoing: ServerResponse, stallMs: number): void {
  outgoing.once('prefinish', () => {
    // The next answer of the connection, or its keep-alive, sets its own time.
    if (!outgoing.writableFinished) socket.setTimeout(stallMs);
  });
}

/** Answers a request whose form is wrong, and ends the connection: what follows may be anything. */
function refuseForm(incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void {
  const requestId = requestIdOf(incoming);
  const record = faultRecord(error);
  const body = JSON.stringify({ error: { ...record, requestId } });
  outgoing.shouldKeepAlive = false;
  outgoing.writeHead(HTTP_STATUS[record.code], {
    ...ERROR_HEADERS,
    'Content-Length': Buffer.byteLength(body),
    'X-Request-Id': requestId,
  });
  outgoing.end(body);
}

/** Refuses what is no route. A page of another site learns not even that. */
async function refuseAll(context: Context<Env>, fault: Error, options: RouterOptions): Promise<Response> {
  return refuse(
    context,
    await checkCaller(context, { isStatic: true }, options).then(
      () => fault,
      (error: unknown) => error,
    ),
    options,
  );
}

function notAllowed(): HttpFault {
  return new HttpFault('METHOD_NOT_ALLOWED', 'only GET and HEAD', { Allow: 'GET, HEAD' });
}

/** Answers under way. */
type OpenAnswers = Record<AnswerKind, number>;
type AnswerKind = 'requests' | 'streams';

async function answer(
  context: Context<Env>,
  route: Route,
  open: OpenAnswers,
  options: RouterOptions,
): Promise<Response> {
  const { maxRequests, maxEventStreams } = options;
  const kind = route.isEventStream ? 'streams' : 'requests';
  const limit = { requests: maxRequests, streams: maxEventStreams }[kind];
  const exchange = new Exchange(context.env, options.signal);
  options.counts.began();
  exchange.afterwards(() => options.counts.answered(route.path, exchange));
  try {
    await checkCaller(context, route, options);
    if (!route.isStatic) {
      // Pages and assets are short and in memory: connections of strangers have a limit instead.
      if (open[kind] >= limit) {
        throw new HttpFault('BUSY', `${limit} ${kind} are being answered`, { 'Retry-After': '1' });
      }
      open[kind]++;
      exchange.afterwards(() => open[kind]--);
    }
    const call = callOf(context, route, exchange);
    const started = exchange.startBy(options.firstByteMs);
    const reply = await abortable(Promise.resolve(route.handle(call)), exchange.signal);
    return await send(context, reply, { call, started }, options).finally(started);
  } catch (error) {
    return refuse(context, error, options);
  }
}

/**
 * Asks the gate. A connection that is not let in ends with this answer.
 * @throws HttpFault TOKEN_REQUIRED, FORBIDDEN
 */
async function checkCaller(
  { env: { incoming, outgoing } }: Context<Env>,
  { isStatic = false, takesNoTicket = false }: Pick<Route, 'isStatic' | 'takesNoTicket'>,
  { gate }: RouterOptions,
): Promise<void> {
  const { socket, headers } = incoming;
  const { target, ticket } = targetOf(incoming.url ?? '/');
  const shown = takesNoTicket ? undefined : ticket;
  const letIn = gate.check({ socket, headers, target, ticket: shown, isStatic });
  const isLetIn = await letIn.catch((error: unknown) => {
    outgoing.shouldKeepAlive = false;
    throw error;
  });
  if (!isLetIn) outgoing.shouldKeepAlive = false;
}

/** Takes the ticket out of a URL: it is for the rest. */
export function targetOf(url: string): { target: string; ticket: string | undefined } {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const parts = query.split('&').filter((part) => part !== '');
  const ticket = parts.find((part) => part.startsWith('ticket='));
  const rest = parts.filter((part) => part !== ticket);
  return {
    target: rest.length === 0 ? path : `${path}?${rest.join('&')}`,
    ticket: ticket?.slice('ticket='.length),
  };
}

function callOf(context: Context<Env>, { query }: Route, exchange: Exchange): Call {
  const { incoming } = context.env;
  const { target } = targetOf(incoming.url ?? '/');
  const isHead = incoming.method === 'HEAD';
  const values = queryValues(target.split(/\?(.*)/s)[1] ?? '');
  const parsed = query.safeParse(values);
  if (!parsed.success) throw wrongParameters(parsed.error, values);
  return {
    query: parsed.data,
    parameters: context.req.param(),
    target,
    header: (name) => (isHead && name === 'range' ? undefined : context.req.header(name)), // RFC 9110, 14.2
    isHead,
    requestId: requestIdOf(incoming),
    signal: exchange.signal,
    afterwards: (task) => exchange.afterwards(task),
  };
}

async function send(
  context: Context<Env>,
  reply: Reply,
  { call, started }: { call: Call; started: () => void },
  { stallMs, maxBytes, log }: RouterOptions,
): Promise<Response> {
  const { outgoing } = context.env;
  const id = { 'X-Request-Id': call.requestId };
  const onFault = (error: unknown) => logInternal(log, error, call.requestId);
  const limits = { stallMs, maxBytes, signal: call.signal, onStart: started, onFault };
  switch (reply.kind) {
    case 'json':
      return respond(outgoing, jsonText(reply.body), reply.status ?? 200, {
        'Content-Type': 'application/json',
        ...DATA_HEADERS,
        ...id,
        ...reply.headers,
      });
    case 'text':
      return respond(outgoing, reply.body, reply.status ?? 200, {
        'Content-Type': reply.mediaType ?? 'text/plain; charset=utf-8',
        ...COMMON_HEADERS,
        ...id,
        ...reply.headers,
      });
    case 'empty':
      return respond(outgoing, undefined, reply.status, { ...COMMON_HEADERS, ...id, ...reply.headers });
    case 'lines': {
      const headers = {
        'Content-Type': 'application/x-ndjson',
        ...DATA_HEADERS,
        ...id,
        ...reply.headers,
      };
      const chunks = lineChunks(reply.lines, (error) => {
        logInternal(log, error, call.requestId);
        return faultLine(error, call.requestId);
      });
      if (call.isHead) outgoing.writeHead(200, headers).end();
      else await sendChunks(outgoing, { status: 200, headers }, chunks, limits);
      return RESPONSE_ALREADY_SENT;
    }
    case 'bytes': {
      const { status = 200, length, bytes } = reply;
      const headers = {
        ...COMMON_HEADERS,
        ...id,
        ...reply.headers,
        ...(length !== undefined && { 'Content-Length': String(length) }),
      };
      if (call.isHead) outgoing.writeHead(status, headers).end();
      else await sendChunks(outgoing, { status, headers }, bytes, limits);
      return RESPONSE_ALREADY_SENT;
    }
  }
}

function jsonText(body: unknown): string {
  return body instanceof JsonText ? body.text : JSON.stringify(body);
}

/** Answers with what is in memory. Hono would read a web response as a stream: twice the time. */
function respond(
  outgoing: ServerResponse,
  body: string | undefined,
  status: number,
  headers: Headers,
): Response {
  if (!outgoing.destroyed && !outgoing.headersSent) {
    const length = body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) };
    outgoing.writeHead(status, { ...headers, ...length }).end(body);
  }
  return RESPONSE_ALREADY_SENT;
}

/** Returns the answer to a fault, unless the answer has begun. */
function refuse(context: Context<Env>, error: unknown, { log }: RouterOptions): Response {
  const { outgoing } = context.env;
  if (outgoing.headersSent || outgoing.destroyed) {
    outgoing.destroy();
    return RESPONSE_ALREADY_SENT;
  }
  const requestId = requestIdOf(context.env.incoming);
  const record = faultRecord(error);
  logInternal(log, error, requestId);
  const more = error instanceof HttpFault ? error.headers : {};
  return respond(outgoing, JSON.stringify({ error: { ...record, requestId } }), HTTP_STATUS[record.code], {
    ...ERROR_HEADERS,
    'X-Request-Id': requestId,
    ...more,
  });
}

/** Logs a fault of the program: its answer gives no details away. */
function logInternal(log: Log, error: unknown, requestId: string): void {
  if (faultRecord(error).code === 'INTERNAL')
    log.warn(`request ${requestId}: ${asLayerslayerError(error).stack}`);
}

const requestIds = new WeakMap<IncomingMessage, string>();

/** Bytes of a request's identifier, for its answer and the log. */
const REQUEST_ID_BYTES = 8;

function requestIdOf(incoming: IncomingMessage): string {
  const known = requestIds.get(incoming) ?? randomBytes(REQUEST_ID_BYTES).toString('hex');
  requestIds.set(incoming, known);
  return known;
}
