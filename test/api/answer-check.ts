/** Checks answers against the schemas that /openapi.json is made of. */
import { isDeepStrictEqual } from 'node:util';
import type { z } from '@hono/zod-openapi';
import { HTTP_STATUS } from '#src/api/answers/http-status.js';
import { allRoutes } from '#src/api/routes/all-routes.js';
import { ERROR_SCHEMA } from '#src/api/routing/openapi-document.js';
import type { Route } from '#src/api/routing/route.js';
import type { ServerState } from '#src/api/server-state.js';

/** Handlers are not called. */
export const ROUTES: readonly Route[] = allRoutes({} as ServerState);

/** An answer that was read to its end. */
export interface ReadAnswer {
  path: string; // of the URL
  status: number;
  contentType: string;
  body: string;
}

/** Returns the route of a path: `/api/v1/layers/{digest}` takes all digests. */
export function routeOf(path: string): Route | undefined {
  return ROUTES.find((route) => {
    const pattern = route.path.replace(/\{\w+\}/g, '[^/]+').replace('*', '.*');
    return new RegExp(`^${pattern}$`).test(path);
  });
}

/** Returns what is wrong with an answer; undefined if nothing is. */
export function faultOf({ path, status, contentType, body }: ReadAnswer): string | undefined {
  const mediaType = contentType.split(';')[0]!.trim();
  if (status >= 400)
    return mediaType === 'application/json' ? errorFault(status, body) : 'an error, and no JSON';
  if (status === 304) return body === '' ? undefined : '304 with a body';
  const route = routeOf(path);
  if (route === undefined) return path === '/openapi.json' ? undefined : 'no such route';
  const declared = route.answers[status]?.content.find((one) => one.mediaType === mediaType);
  if (!declared) return `${status} ${mediaType} is not declared`;
  if (mediaType === 'application/json') return valueFault(declared.schema, JSON.parse(body));
  if (mediaType !== 'application/x-ndjson') return undefined;
  const lines = body
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as object);
  if (body !== '' && !body.endsWith('\n')) return 'the last line has no end';
  return lines
    .map((line, i) =>
      valueFault(i === lines.length - 1 && 'error' in line ? ERROR_SCHEMA : declared.schema, line),
    )
    .find((fault) => fault !== undefined);
}

function errorFault(status: number, body: string): string | undefined {
  const record = JSON.parse(body) as { error?: { code?: keyof typeof HTTP_STATUS } };
  const code = record.error?.code;
  if (code === undefined || HTTP_STATUS[code] !== status) return `${code} is not ${status}`;
  return valueFault(ERROR_SCHEMA, record);
}

/** A value that the schema does not take, or that has more than the schema says. */
function valueFault(schema: z.ZodType, value: unknown): string | undefined {
  const parsed = schema.safeParse(value);
  if (!parsed.success) return `${parsed.error.message} in ${JSON.stringify(value).slice(0, 500)}`;
  if (isDeepStrictEqual(parsed.data, value)) return undefined;
  return `more than its schema says: ${JSON.stringify(value).slice(0, 500)}`;
}

/** Checks all answers of a server while its tests read them. */
export class AnswerChecks {
  readonly #pending: Promise<void>[] = [];
  readonly #faults: string[] = [];

  /** Fetches, and checks the answer beside the test: call `done` at the end. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url, init);
    this.#pending.push(this.#check(init.method ?? 'GET', response));
    return response;
  }

  /** Waits for all answers. @throws an error that has the faults */
  async done(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#faults.length > 0)
      throw new Error(`answers against their schemas:\n${this.#faults.join('\n')}`);
  }

  async #check(method: string, response: Response): Promise<void> {
    if (method === 'HEAD') return; // no body
    const { status, headers, url } = response;
    const contentType = headers.get('content-type') ?? '';
    const isJson = /json/.test(contentType); // others may be large, or endless
    const body = isJson
      ? await response
          .clone()
          .text()
          .catch(() => undefined)
      : '';
    if (body === undefined) return; // it was cut off
    const fault = faultOf({ path: new URL(url).pathname, status, contentType, body });
    if (fault !== undefined) this.#faults.push(`${url}: ${fault}`);
  }
}
