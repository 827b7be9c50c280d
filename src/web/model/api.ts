/** Requests to the server that this page comes from. */

import type { ProgressRecord } from '../../api/schemas/progress.js';
import { encodeRaw } from './raw-path.js';

/** What the server says of a fault, or what the browser does. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: string, // as the server's; NETWORK: it does not answer
    message: string,
    readonly status: number, // of HTTP; 0: none came
  ) {
    super(message);
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** Receives the progress while an image is indexed. The request lasts until it is. */
  onPending?: ((progress: ProgressRecord) => void) | undefined;
}

const TOKEN_KEY = 'layerslayer.token';

/** Takes the token out of the address: it must not stay in the history. */
export function adoptToken(): void {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  sessionStorage.setItem(TOKEN_KEY, decodeURIComponent(token));
  history.replaceState(history.state, '', location.pathname + location.search);
}

export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function headers(accept: string): HeadersInit {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return { Accept: accept, ...(token !== null && { Authorization: `Bearer ${token}` }) };
}

/** Returns path and query of a route below /api/v1. */
export function apiPath(route: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== false);
  const text = given.map(([name, value]) => `${name}=${value === true ? '1' : encodeRaw(String(value))}`);
  return `/api/v1/${route}${text.length === 0 ? '' : `?${text.join('&')}`}`;
}

/** @throws ApiError; AbortError */
export async function getJson<T>(route: string, query: Query, options: RequestOptions = {}): Promise<T> {
  for (;;) {
    const response = await request(apiPath(route, query), 'application/json', options.signal);
    const body = await response.json();
    if (response.status !== 202) return body as T;
    options.onPending?.((body as { progress: ProgressRecord }).progress);
  }
}

/** Yields the lines of a route. Its last line may be a fault. @throws ApiError; AbortError */
export async function* getLines<T>(
  route: string,
  query: Query,
  options: RequestOptions = {},
): AsyncGenerator<T, void, undefined> {
  for (;;) {
    const response = await request(apiPath(route, query), 'application/x-ndjson', options.signal);
    if (response.status === 202) {
      options.onPending?.(((await response.json()) as { progress: ProgressRecord }).progress);
      continue;
    }
    for await (const line of linesOf(response.body!)) {
      const value: unknown = JSON.parse(line);
      const { error } = value as { error?: { code: string; message: string } };
      if (error) throw new ApiError(error.code, error.message, response.status);
      yield value as Awaited<T>;
    }
    return;
  }
}

/** Returns bytes of a file. @param range first byte and length; default: all */
export async function getBytes(
  query: Query,
  range?: { offset: number; length: number },
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const more = range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
  const response = await request(apiPath('file', query), '*/*', signal, more);
  return new Uint8Array(await response.arrayBuffer());
}

/** Returns a URL that a link or a picture can use, which can send no token. */
export async function ticketUrl(route: string, query: Query): Promise<string> {
  const url = apiPath(route, query);
  const { ticket } = await getJson<{ ticket: string }>('ticket', { url });
  return `${url}${url.includes('?') ? '&' : '?'}ticket=${ticket}`;
}

/** Server-sent events of an image, read by fetch, which can send a token. (HTML, 9.2) */
export async function* events(
  image: string,
  platform: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<{ event: string; data: unknown }, void, undefined> {
  const response = await request(apiPath('events', { image, platform }), 'text/event-stream', signal);
  let event = 'message';
  for await (const line of linesOf(response.body!)) {
    if (line.startsWith('event: ')) event = line.slice('event: '.length);
    if (line.startsWith('data: ')) yield { event, data: JSON.parse(line.slice('data: '.length)) };
  }
}

/** @throws ApiError; AbortError */
async function request(
  url: string,
  accept: string,
  signal: AbortSignal | undefined,
  more: HeadersInit = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { ...headers(accept), ...more }, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError('NETWORK', 'the server does not answer', 0);
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => undefined)) as {
    error?: { code: string; message: string };
  };
  const { code = 'INTERNAL', message = response.statusText } = body?.error ?? {};
  throw new ApiError(code, message, response.status);
}

/** @throws ApiError if the connection breaks; AbortError */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = '';
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (rest + chunk.value).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== '') yield rest;
  } catch (error) {
    // Browsers have no class for it.
    if (error instanceof TypeError) throw new ApiError('NETWORK', 'the connection to the server broke', 0);
    throw error;
  } finally {
    await reader.cancel().catch(() => {}); // it is broken already
  }
}
