import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from '@hono/zod-openapi';
import { expect } from 'vitest';
import { type RunningServer, type ServerOptions, startServer } from '#src/api/server.js';
import { logTo } from '#src/base/log.js';
import type { SessionOptions } from '#src/engine/image-session.js';
import { startSession } from '#src/engine/session.js';
import { encodeRaw } from '#src/web/model/raw-path.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { AnswerChecks } from './answer-check.js';

export const TOKEN = 'a-token-of-32-letters-for-tests-';

export type QueryValues = Readonly<Record<string, string | number>>;

/** How a server is started. */
export interface ServedOptions extends Partial<ServerOptions> {
  /** Registries that it may ask; the others are refused. */
  registries?: readonly string[];
  session?: Partial<SessionOptions>;
}

/** A server over OCI layouts, as `serve --allow-path` would start it. */
export class Served {
  readonly log: string[] = [];
  readonly scratch = mkdtempSync(join(tmpdir(), 'layerslayer-api-'));
  readonly #checks = new AnswerChecks();
  #server: RunningServer | undefined;

  /** @param images by tag: layers, base first */
  static async start(
    images: Readonly<Record<string, readonly Uint8Array[]>>,
    { registries, session, ...options }: ServedOptions = {},
    config: object = {},
  ): Promise<Served> {
    const served = new Served();
    const builder = new LayoutBuilder();
    const tops = Object.entries(images).map(([tag, layers]) => named(builder.image(layers, config), tag));
    writeDirectory(join(served.scratch, 'layout'), builder.top(tops));
    const log = logTo((level, message) => served.log.push(`${level}: ${message}`));
    const cacheDirectory = options.cacheDirectory ?? join(served.scratch, 'cache');
    served.#server = await startServer({
      host: '127.0.0.1',
      listening: { address: '127.0.0.1', isLoopback: true },
      port: 0,
      token: TOKEN,
      hosts: [],
      images: {
        cwd: served.scratch,
        registries: registries ?? ['127.0.0.1:1'], // no test asks another one
        refusesNear: false,
        directories: [served.scratch],
        opened: new Set(),
      },
      cacheDirectory,
      showsLocal: true,
      maxRequests: 100,
      uid: process.getuid!(),
      version: '0.0.0',
      log,
      startSession: (more) =>
        startSession({
          ...more,
          registry: { insecure: true },
          cache: { directory: cacheDirectory, capBytes: 1024 ** 3 },
          memoryBytes: 16 * 1024 ** 2,
          log,
          ...session,
        }),
      ...options,
    });
    return served;
  }

  get address(): string {
    return this.#server!.address;
  }

  /** The reference of an image in the layout. */
  image(tag: string): string {
    return `oci:${this.scratch}/layout:${tag}`;
  }

  url(path: string, query: QueryValues = {}): string {
    const text = Object.entries(query).map(([name, value]) => `${name}=${encodeRaw(String(value))}`);
    return `${this.address}${path}${text.length === 0 ? '' : `?${text.join('&')}`}`;
  }

  /** Its answer is checked against its schema: see `close`. */
  get(path: string, query: QueryValues = {}, init: RequestInit = {}): Promise<Response> {
    return this.#checks.fetch(this.url(path, query), init);
  }

  /** Returns an answer of JSON, checked against its schema. */
  async json<S extends z.ZodType>(path: string, query: QueryValues, schema: S): Promise<z.output<S>> {
    const response = await this.get(path, query, { headers: { Accept: 'application/json' } });
    const body = await response.json();
    expect(response.status, JSON.stringify(body)).toBe(200);
    return schema.parse(body);
  }

  /** Returns the lines of an answer, each checked against its schema. */
  async lines<S extends z.ZodType>(path: string, query: QueryValues, schema: S): Promise<z.output<S>[]> {
    const response = await this.get(path, query, { headers: { Accept: 'application/x-ndjson' } });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => schema.parse(JSON.parse(line)));
  }

  /** Returns status and code of an error. */
  async fault(path: string, query: QueryValues = {}, init: RequestInit = {}): Promise<string> {
    const response = await this.get(path, query, init);
    const body = (await response.json()) as { error: { code: string; message: string } };
    return `${response.status} ${body.error.code} ${body.error.message}`;
  }

  /** @throws an error that has the answers of `get` that their schemas do not take */
  async close(): Promise<void> {
    await this.#server?.close();
    rmSync(this.scratch, { recursive: true, force: true });
    await this.#checks.done();
  }
}
