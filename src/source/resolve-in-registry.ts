import { setFlagsFromString } from 'node:v8';
import type { Log } from '../base/log.js';
import { type CacheOptions, ContentStore } from '../cache/content-store.js';
import { parseRegistryReference } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { RegistryClient, type RegistryClientOptions } from '../registry/registry-client.js';
import type { RegistryOptions } from '../registry/registry-options.js';
import type { ResolvedImage } from './image-source.js';
import { RegistrySource } from './registry-source.js';

/**
 * Returns images in registries. Their manifests and configs are cached in `store`. With
 * `provesAccess` the registry is asked for them each time.
 */
export function registrySource(store: ContentStore, options: RegistryClientOptions): RegistrySource {
  return new RegistrySource({
    ...options,
    kept: {
      read: async (digest) => (options.provesAccess ? undefined : store.readSync('manifest', digest)),
      write: async (digest, bytes) => void (await store.write('manifest', digest, bytes)),
    },
  });
}

/**
 * For a process that resolves one image and then ends. Loads the HTTP client, and makes this
 * process compile WebAssembly fast instead of well. undici's parser is WebAssembly, and a process
 * that ends while it is being optimized waits for the compiler (40 ms, measured).
 *
 * undici compiles its parser when its first socket is open. The flag is set before that, but after
 * Node's modules are loaded: V8 rejects Node's code cache once a flag differs (10 ms, measured).
 * @param reference of a registry, in canonical form
 */
export async function prepareToResolve(reference: string): Promise<void> {
  await RegistryClient.preload(parseRegistryReference(reference).registry);
  setFlagsFromString('--liftoff-only');
}

interface ResolveOptions {
  registry: RegistryOptions;
  cache: CacheOptions;
  log: Log;
  onNotice(message: string): void;
  signal: AbortSignal;
}

/**
 * Finds one image by its own connections and in this thread. For a process that needs nothing else
 * of the registry and answers no requests meanwhile. A session does it in its fetch thread.
 * @param reference of a registry
 * @throws the errors of `ImageSource.resolve`
 */
export async function resolveInRegistry(
  reference: string,
  platform: Platform,
  { registry, cache, log, onNotice, signal }: ResolveOptions,
): Promise<ResolvedImage> {
  const store = await ContentStore.open({ ...cache, log });
  const source = registrySource(store, { ...registry, onNotice, log });
  try {
    return await source.resolve(reference, platform, signal);
  } finally {
    // Not awaited: no caller needs their end.
    void source.close();
    void store.close();
  }
}
