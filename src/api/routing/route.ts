import type { z } from '@hono/zod-openapi';

/** A body that an answer may have. */
export interface AnswerContent {
  mediaType: string; // `application/json`, `application/x-ndjson` (the schema is of one line) …
  schema: z.ZodType;
}

export interface Answer {
  description: string;
  content: readonly AnswerContent[];
}

/** What the server does for a URL. All routes are GET (and HEAD). */
export interface Route<Query extends z.ZodObject = z.ZodObject> {
  path: string; // as Hono has it: `/api/v1/layers/{digest}`
  summary: string;
  /** The parameters of the query. Values are texts as `queryValues` returns them. */
  query: Query;
  parameters?: z.ZodObject; // in the path
  answers: Readonly<Record<number, Answer>>;
  /** A page or an asset: needs no token, and is shown to links from other sites. */
  isStatic?: boolean;
  /** Only the token lets in, whatever spelling of the path a ticket is for. */
  takesNoTicket?: boolean;
  /** Counts to the limit of event streams, not to that of requests. */
  isEventStream?: boolean;
  /** @throws LayerslayerError, HttpFault: they become the answer */
  handle(call: Call<z.output<Query>>): Promise<Reply> | Reply;
}

/** One request. */
export interface Call<Query = Record<string, unknown>> {
  query: Query;
  parameters: Readonly<Record<string, string>>; // of the path
  target: string; // path and query, without a ticket
  /** Header of the request, by its name in lower case. */
  header(name: string): string | undefined;
  isHead: boolean;
  requestId: string;
  signal: AbortSignal; // the client went away, or the server ends
  /** Calls `task` when the answer has ended, however it ends, or at once if it has. */
  afterwards(task: () => void): void;
}

/** A body of JSON that is text already. */
export class JsonText {
  constructor(readonly text: string) {}
}

/** An answer. */
export type Reply =
  | { kind: 'json'; status?: number; headers?: Headers; body: unknown }
  | { kind: 'text'; status?: number; headers?: Headers; body: string; mediaType?: string }
  | { kind: 'empty'; status: number; headers?: Headers }
  /** Lines of JSON. A fault after the first one is a last line. */
  | { kind: 'lines'; headers?: Headers; lines: AsyncIterable<object> | Iterable<object> }
  /** Bytes. A fault cuts the connection short of `length`. */
  | { kind: 'bytes'; status?: number; headers: Headers; length: number | undefined; bytes: Chunks };

export type Headers = Readonly<Record<string, string>>;
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Returns a route with its types checked. */
export function route<Query extends z.ZodObject>(definition: Route<Query>): Route {
  return definition as unknown as Route;
}
