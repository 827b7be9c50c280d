import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listeningAddress, type RunningServer, startServer } from '#src/api/server.js';
import { SILENT_LOG } from '#src/base/log.js';
import { startSession } from '#src/engine/session.js';
import { AnswerChecks } from '../answer-check.js';

/** An answer, as clients of the first tool read it. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** A server with a cache of its own, over registries and the layouts in its directory. */
export class OldServer {
  readonly scratch = mkdtempSync(join(tmpdir(), 'layerslayer-first-tool-'));
  readonly #checks = new AnswerChecks();
  #server: RunningServer | undefined;

  async start({ showsLocal = true }: { showsLocal?: boolean } = {}): Promise<void> {
    const cache = { directory: join(this.scratch, 'cache'), capBytes: 1024 ** 3 };
    this.#server = await startServer({
      host: '127.0.0.1',
      listening: await listeningAddress('127.0.0.1'),
      port: 0,
      token: 'a-token-of-32-letters-for-tests-',
      hosts: [],
      images: {
        cwd: this.scratch,
        registries: [],
        refusesNear: false,
        directories: [this.scratch],
        opened: new Set(),
      },
      cacheDirectory: cache.directory,
      showsLocal,
      maxRequests: 100,
      uid: process.getuid!(),
      version: '0.0.0',
      log: SILENT_LOG,
      startSession: () =>
        startSession({
          registry: { insecure: true },
          cache,
          memoryBytes: 16 * 1024 ** 2,
          log: SILENT_LOG,
        }),
    });
  }

  get address(): string {
    return this.#server!.address;
  }

  async get(target: string): Promise<Answer> {
    const response = await this.#checks.fetch(`${this.address}${target}`);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Returns the lines of a text. */
  async lines(target: string): Promise<string[]> {
    const { status, text } = await this.get(target);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return text.split('\n').slice(0, -1);
  }

  async bytes(target: string): Promise<Buffer> {
    return Buffer.from(await (await this.#checks.fetch(`${this.address}${target}`)).arrayBuffer());
  }

  /** Returns status and code of an error. */
  async fault(target: string): Promise<string> {
    const { status, text } = await this.get(target);
    const { error } = JSON.parse(text) as { error: { code: string; message: string; requestId: string } };
    return `${status} ${error.code} ${error.message}`;
  }

  /** Ends the server; its cache stays. */
  async stop(): Promise<void> {
    await this.#server?.close();
  }

  /** @throws an error that has the answers that their schemas do not take */
  async cleanUp(): Promise<void> {
    await this.stop();
    rmSync(this.scratch, { recursive: true, force: true });
    await this.#checks.done();
  }
}
