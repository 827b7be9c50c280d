import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
import { logTo } from '#src/base/log.js';
import { storePath } from '#src/cache/store-layout.js';
import type {
  ImageSession,
  LayerProgress,
  OperationOptions,
  SessionOptions,
} from '#src/engine/image-session.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import type { Layer } from '#src/engine/layer.js';
import { startSession } from '#src/engine/session.js';
import { indexKey, LAYER_INDEX_VERSION } from '#src/index/entry-table.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { noise, same } from '../blob/bytes.js';
import { plain } from '../codec/gzip/plain.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { dir, file, tarOf } from '../support/tar.js';

/** What a test's layer holds: path and content. */
export type Files = Readonly<Record<string, Uint8Array>>;

export function tarOfFiles(files: Files): Buffer {
  return tarOf(dir('d/'), ...Object.entries(files).map(([path, content]) => file(path, content)));
}

/** Some MiB of content, half of it incompressible, in files of all sizes; other bytes for other seeds. */
export function someFiles(seed: number, size = 3_000_000): Files {
  return {
    'd/empty': new Uint8Array(0),
    'd/small': Buffer.from(`small ${seed}\n`),
    'd/noise': noise(size >> 1, seed),
    'd/text': plain('copies', size >> 1, seed),
    'd/last': Buffer.from(`last ${seed}\n`),
  };
}

/** A test's sessions, and what must be gone after it. */
export class Sessions {
  readonly #sessions: ImageSession[] = [];
  readonly #directories: string[] = [];
  readonly #proxies: FaultProxy[] = [];

  scratch(): string {
    const directory = mkdtempSync(join(tmpdir(), 'layerslayer-session-'));
    this.#directories.push(directory);
    return directory;
  }

  async proxy(target: string): Promise<FaultProxy> {
    const proxy = await FaultProxy.start({ target });
    this.#proxies.push(proxy);
    return proxy;
  }

  start(
    {
      cacheDirectory = this.scratch(),
      capBytes = 2 ** 30,
      onProgress,
      ...options
    }: { cacheDirectory?: string; capBytes?: number } & OperationOptions & Partial<SessionOptions> = {},
    fetchThread?: Worker,
  ) {
    const logged: string[] = [];
    const progress: LayerProgress[] = [];
    const session = startSession(
      {
        registry: { insecure: false },
        cache: { directory: cacheDirectory, capBytes },
        // Few windows: what is read again is inflated again.
        memoryBytes: 4 * CHUNK_SIZE,
        log: logTo((level, message) => {
          if (level !== 'debug') logged.push(`${level}: ${message}`);
        }),
        ...options,
      },
      fetchThread,
    );
    this.#sessions.push(session);
    const operation: OperationOptions = { onProgress: onProgress ?? ((one) => progress.push(one)) };
    const open = async (reference: string, how?: { only?: readonly number[]; signal?: AbortSignal }) => {
      const image = await session.resolve(reference, defaultPlatform());
      session.record(reference, defaultPlatform(), image, Date.now());
      return session.openLayers(image, { ...operation, ...how });
    };
    return { session, open, operation, logged, progress, cacheDirectory };
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.splice(0).map((session) => session.close()));
  }

  async cleanUp(): Promise<void> {
    await this.close();
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.stop()));
    for (const directory of this.#directories.splice(0)) rmSync(directory, { recursive: true, force: true });
  }
}

/** The row of a path as the archive has it. */
export function rowOf(layer: Layer, path: string): number {
  const { entries } = layer;
  for (let row = 0; row < entries.length; row++) {
    const name = entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row));
    if (Buffer.from(name).toString() === path) return row;
  }
  throw new Error(`no ${path}`);
}

const STEP = 300_000;

/** A whole file, read as `cat` does. */
export async function contentOf(layer: Layer, path: string): Promise<Buffer> {
  const row = rowOf(layer, path);
  const size = layer.entries.size(row);
  const content = Buffer.alloc(size);
  for (let at = 0; at < size; at += STEP) {
    content.set(await layer.read(row, at, Math.min(STEP, size - at)), at);
  }
  return content;
}

export async function expectFiles(layer: Layer | undefined, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    expect([path, same(await contentOf(layer!, path), content)]).toEqual([path, true]);
  }
}

/** Body bytes that the proxy sent for a blob. */
export function sentFor(proxy: FaultProxy, digest: string): number {
  return proxy
    .requests(new RegExp(`/blobs/${digest}`))
    .reduce((sum, { method, bodyBytes }) => sum + (method === 'GET' ? bodyBytes : 0), 0);
}

export const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A port that goes away and comes back: what connects to it reaches `target` (host:port), or nobody. */
export class Door {
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(target: string) {
    this.#target = target;
  }

  static async open(target: string): Promise<Door> {
    const door = new Door(target);
    await door.open();
    return door;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    const [host, port] = this.#target.split(':');
    const server = createServer((near) => {
      const far = connect(Number(port), host);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Where a layer's index is kept. */
export const indexPath = (cacheDirectory: string, digest: string) =>
  storePath(join(cacheDirectory, 'v2'), 'index', indexKey(LAYER_INDEX_VERSION, digest));
