import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Digest } from '#src/oci/digest.js';
import { defaultPlatform } from '#src/oci/platform.js';
import type { RemoteBlob } from '#src/registry/pull/remote-blob.js';
import type { RegistryClientOptions } from '#src/registry/registry-client.js';
import type { KeptBlobs } from '#src/registry/registry-options.js';
import type { Clock } from '#src/registry/requests/clock.js';
import { RegistrySource } from '#src/source/registry-source.js';
import { FaultProxy, type FaultProxyOptions, type FaultRule } from '../support/fault-proxy.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';

/**
 * The layer of all tests here: incompressible, so that the blob is as long as it looks, and of no
 * round size.
 */
export const LAYER = gzipSync(randomBytes(200_001));
export const REPOSITORY = 'library/app';

/** A clock that only advances by its own `sleep`. */
export class FakeClock implements Clock {
  time = Date.parse('2024-01-01T00:00:00Z');
  readonly slept: number[] = [];

  now = () => this.time;
  random = () => 0.5;
  sleep = async (ms: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    this.slept.push(ms);
    this.time += ms;
  };
}

/** Keeps blobs in a map. */
export class MapKept implements KeptBlobs {
  readonly blobs = new Map<Digest, Uint8Array>();

  read = async (digest: Digest) => this.blobs.get(digest);
  write = async (digest: Digest, bytes: Uint8Array) => {
    this.blobs.set(digest, bytes);
  };
}

/** A proxy with faults before the registry, and a source that asks it. */
export interface Rig {
  proxy: FaultProxy;
  source: RegistrySource;
  clock: FakeClock;
  notices: string[];
  fetched: () => number; // layer bytes that the source counted
  reference: string;
  /** A second source at the same proxy. */
  another(options?: Partial<RegistryClientOptions>): RegistrySource;
  resolve(reference?: string): ReturnType<RegistrySource['resolve']>;
  /** The image's layer, resolved by way of the faults. */
  layer(): Promise<RemoteBlob>;
}

export interface RigOptions {
  rules?: FaultRule[];
  tokens?: FaultProxyOptions['tokens'];
  client?: Partial<RegistryClientOptions>;
}

/** One registry with one image for all tests of a file; what a test starts is stopped after it. */
export function useRegistry(): {
  image: () => PushedImage;
  registry: () => TestRegistry;
  rig: (o?: RigOptions) => Promise<Rig>;
} {
  let registry: TestRegistry;
  let image: PushedImage;
  const cleanups: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    registry = await startRegistry();
    image = await pushImage(registry, `${REPOSITORY}:latest`, { layers: [LAYER] });
  });
  afterAll(() => registry.stop());
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  const rig = async ({ rules, tokens, client }: RigOptions = {}): Promise<Rig> => {
    const proxy = await FaultProxy.start({
      target: registry.url,
      ...(rules && { rules }),
      ...(tokens && { tokens }),
    });
    cleanups.push(() => proxy.stop());
    const clock = new FakeClock();
    const notices: string[] = [];
    let fetched = 0;
    const open = (options?: Partial<RegistryClientOptions>) => {
      const source = new RegistrySource({
        insecure: false,
        environment: {},
        clock,
        onNotice: (message) => notices.push(message),
        onBytes: (count) => {
          fetched += count;
        },
        ...client,
        ...options,
      });
      cleanups.push(() => source.close());
      return source;
    };
    const source = open();
    const reference = `${proxy.host}/${REPOSITORY}:latest`;
    const resolve = (text = reference) => source.resolve(text, defaultPlatform());
    const layer = async () => {
      const resolved = await resolve();
      return source.open(resolved, resolved.manifest.layers[0]!);
    };
    return {
      proxy,
      source,
      clock,
      notices,
      fetched: () => fetched,
      reference,
      another: open,
      resolve,
      layer,
    };
  };
  return { image: () => image, registry: () => registry, rig };
}

/**
 * Ms without a byte for tests that stall. Others use the default, so that a busy machine decides
 * nothing.
 */
export const SHORT_STALL = { stallMs: 300 };

/** All bytes of a range, by `stream`. */
export async function streamed(blob: RemoteBlob, offset = 0, end = blob.size): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await blob.stream(offset, end, (chunk) => {
    chunks.push(Uint8Array.from(chunk));
  });
  return Buffer.concat(chunks);
}

export const withCode = (code: string) => ({ code });

/** Byte equality; `toEqual` compares element by element, seconds for a layer. */
export function same(found: Uint8Array, wanted: Uint8Array): void {
  expect(found.length).toBe(wanted.length);
  expect(Buffer.compare(found, wanted)).toBe(0);
}
