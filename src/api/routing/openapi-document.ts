import { setImmediate as nextTurn } from 'node:timers/promises';
import { OpenAPIHono, z } from '@hono/zod-openapi';
import type { Route } from './route.js';

/** Form of every error. */
export const ERROR_SCHEMA = z
  .object({ error: z.object({ code: z.string(), message: z.string(), requestId: z.string() }) })
  .openapi('Error');

type Parts = Record<string, Record<string, object>>;

/**
 * The OpenAPI document of the routes, as JSON. All schemas at once take 0.1 to 0.3 s, so it is made
 * route by route, with turns of the event loop between them, and once.
 */
export class OpenApiDocument {
  #text: Promise<string> | undefined;

  /** @param version of the program */
  constructor(
    private readonly routes: readonly Route[],
    private readonly version: string,
  ) {}

  text(): Promise<string> {
    this.#text ??= this.#make();
    return this.#text;
  }

  async #make(): Promise<string> {
    const head = { openapi: '3.1.0', info: { title: 'layerslayer', version: this.version } };
    const paths: Record<string, object> = {};
    const components: Parts = {};
    for (const route of this.routes) {
      await nextTurn();
      const app = new OpenAPIHono();
      register(app, route);
      const part = app.getOpenAPI31Document(head);
      Object.assign(paths, part.paths);
      for (const [kind, named] of Object.entries((part.components ?? {}) as Parts))
        components[kind] = { ...components[kind], ...named };
    }
    return JSON.stringify({ ...head, components, paths });
  }
}

function register(app: OpenAPIHono, { path, summary, query, parameters, answers }: Route): void {
  app.openAPIRegistry.registerPath({
    method: 'get',
    path,
    summary,
    request: { query, ...(parameters && { params: parameters }) },
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, content }]) => [
          status,
          {
            description,
            content: Object.fromEntries(content.map(({ mediaType, schema }) => [mediaType, { schema }])),
          },
        ]),
      ),
      default: { description: 'an error', content: { 'application/json': { schema: ERROR_SCHEMA } } },
    },
  });
}
