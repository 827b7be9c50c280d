import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import { type Log, SILENT_LOG } from '../base/log.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { mayUseStored } from './authorization/credentials.js';
import { RegistryAuthorization } from './authorization/registry-authorization.js';
import { fallbackTag, listReferrers } from './discovery/referrers.js';
import { referrersOf, type WantedReferrers } from './discovery/referrers-of.js';
import { readTagPage, type TagPage } from './discovery/tag-list.js';
import { Endpoint } from './endpoint.js';
import { Connections } from './http/connections.js';
import type { Exchange } from './http/http-exchange.js';
import { followRedirects } from './http/redirect.js';
import { loadPool } from './http/undici-pool.js';
import { BlobRoute } from './pull/blob-route.js';
import type { FetchedManifest } from './pull/document-body.js';
import { RemoteBlob, type RemoteBlobLimits } from './pull/remote-blob.js';
import { RepositoryReader } from './pull/repository-reader.js';
import { Traffic } from './pull/second-request.js';
import { RepositoryWriter } from './push/repository-writer.js';
import type { KeptBlobs, RegistryOptions } from './registry-options.js';
import { coversRegistry, registryKey } from './repository-scope.js';
import { type Clock, SYSTEM_CLOCK } from './requests/clock.js';
import { FirstContact } from './requests/first-contact.js';
import { type Notice, RateLimitAccount, type RetryOptions } from './requests/retry.js';
import type { RequestLimits } from './requests/small-request.js';

/** Ms without a byte of headers or body until a request has stalled. */
const STALL_MS = 20_000;

export type { BlobSource, RepositoryWriter } from './push/repository-writer.js';
export type { TagPage };
export { fallbackTag };

export interface RegistryClientOptions extends RegistryOptions, RemoteBlobLimits {
  kept?: KeptBlobs;
  onNotice?: Notice;
  log?: Log; // debug: each failed try that is repeated
  environment?: NodeJS.ProcessEnv;
  clock?: Clock;
  stallMs?: number;
  headDeadlineMs?: number;
  firstContactMs?: number; // until a registry that never answered counts as unreachable
}

/**
 * One registry (OCI distribution-spec). Sends no request before the first call. What its requests
 * share has one owner each: `Endpoint` has the scheme, `Connections` the sockets,
 * `RegistryAuthorization` tokens and credentials, `RateLimitAccount` the waits. `BlobRoute` owns a
 * blob's redirect target.
 */
export class RegistryClient {
  readonly #registry: string;
  readonly #authorization: RegistryAuthorization;
  readonly #endpoint: Endpoint;
  readonly #connections: Connections;
  readonly #options: RegistryClientOptions;
  readonly #contact: FirstContact;
  readonly #redirected: Exchange;
  readonly #limits: RequestLimits;
  readonly #traffic = new Traffic();

  /** @param registry as in a reference: `docker.io`, `localhost:5000` */
  constructor(registry: string, options: RegistryClientOptions) {
    const environment = options.environment ?? process.env;
    const notice: Notice = options.onNotice ?? (() => {});
    this.#registry = registry;
    this.#options = options;
    const clock = options.clock ?? SYSTEM_CLOCK;
    this.#endpoint = new Endpoint(registry, options.insecure);
    const { nearRegistries, credentialsFor } = options;
    this.#connections = new Connections({
      endpoint: this.#endpoint,
      insecure: options.insecure,
      stallMs: options.stallMs ?? STALL_MS,
      environment,
      isNamedByClient: nearRegistries !== undefined && !nearRegistries.includes(registryKey(registry)),
      identifies: credentialsFor === undefined || coversRegistry(credentialsFor, registry),
    });
    this.#contact = new FirstContact(this.#endpoint, options.firstContactMs);
    this.#redirected = followRedirects(this.#contact.observed(this.#connections.exchange));
    this.#authorization = new RegistryAuthorization({
      registry,
      exchange: this.#redirected,
      clock,
      login: { registry: options, environment, notice },
    });
    const retry: RetryOptions = {
      clock,
      account: new RateLimitAccount(clock),
      notice,
      log: options.log ?? SILENT_LOG,
      renew: () => this.#connections.renew(),
    };
    this.#limits = { contact: this.#contact, retry };
  }

  /**
   * Loads the HTTP client ahead of the first request.
   * @param registry for which TLS is loaded too, if it is likely to use TLS
   */
  static async preload(registry?: string): Promise<void> {
    const isSecure = registry !== undefined && new Endpoint(registry, false).origin.startsWith('https:');
    await Promise.all([loadPool(), isSecure && import('node:tls')]);
  }

  /**
   * Returns a manifest or image index by tag or digest. A cached one by digest takes no request. A
   * tag takes one HEAD, and nothing else if its manifest is cached.
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, DIGEST_MISMATCH, UNSUPPORTED (too large),
   *   network codes
   */
  getManifest(repository: string, name: string, signal?: AbortSignal): Promise<FetchedManifest> {
    return this.#advised(repository, () => this.#reader(repository).manifest(name, signal));
  }

  /**
   * Returns the manifest of a tag by one GET, without the HEAD that `getManifest` sends first: for
   * tags that are rarely cached.
   * @throws LayerslayerError as `getManifest`
   */
  getTag(repository: string, tag: string, signal?: AbortSignal): Promise<FetchedManifest> {
    return this.#reader(repository).tag(tag, signal);
  }

  /**
   * Returns an image config, checked against its descriptor.
   * @throws LayerslayerError UNSUPPORTED if it is larger than a config may be; codes of getManifest
   */
  getBlob(repository: string, descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#reader(repository).config(descriptor, signal);
  }

  /** Returns a layer's blob. Sends no request before the first read. */
  openBlob(repository: string, layer: Descriptor): RemoteBlob {
    const route = new BlobRoute({
      endpoint: this.#endpoint,
      repository,
      layer,
      toRegistry: this.#toRegistry(repository),
      toStorage: this.#redirected,
    });
    return new RemoteBlob(layer, route, { ...this.#options, ...this.#limits, traffic: this.#traffic });
  }

  /**
   * Lists the artifacts that refer to a manifest.
   * @param query.artifactType of the artifacts; default: all
   * @returns undefined if the registry has no referrers API: the fallback tag counts then
   * @throws LayerslayerError network codes
   */
  listReferrers(
    repository: string,
    { subject, artifactType }: { subject: Digest; artifactType?: string | undefined },
    signal?: AbortSignal,
  ): Promise<Descriptor[] | undefined> {
    const parts = { ...this.#limits, endpoint: this.#endpoint, toRegistry: this.#toRegistry(repository) };
    const query = { registry: this.#registry, repository, subject, artifactType };
    return this.#advised(repository, () => listReferrers(parts, query, signal));
  }

  /**
   * Lists what refers to a manifest, also in a registry without a referrers API.
   * @throws LayerslayerError network codes
   */
  allReferrers(repository: string, wanted: WantedReferrers, signal?: AbortSignal): Promise<Descriptor[]> {
    const ports = {
      list: () => this.listReferrers(repository, wanted, signal),
      readTag: async (tag: string) => (await this.getTag(repository, tag, signal)).bytes,
    };
    return referrersOf(ports, wanted);
  }

  /**
   * Returns a page of a repository's tags.
   * @param next of the page before; undefined: the first page
   * @throws LayerslayerError NOT_FOUND; UNSUPPORTED if the registry lists no tags; network codes
   */
  listTags(repository: string, next: string | undefined, signal?: AbortSignal): Promise<TagPage> {
    const parts = {
      ...this.#limits,
      registry: this.#registry,
      endpoint: this.#endpoint,
      toRegistry: this.#toRegistry(repository),
    };
    return this.#advised(repository, () => readTagPage(parts, repository, next, signal));
  }

  /** Returns the writes to a repository. Sends no request before the first of them. */
  writer(repository: string): RepositoryWriter {
    return new RepositoryWriter({
      ...this.#limits,
      registry: this.#registry,
      repository,
      endpoint: this.#endpoint,
      toRegistry: (access) => this.#authorization.exchangeFor(access),
      toStorage: this.#redirected,
    });
  }

  /** Fails current requests. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  #reader(repository: string): RepositoryReader {
    return new RepositoryReader({
      ...this.#limits,
      registry: this.#registry,
      repository,
      endpoint: this.#endpoint,
      toRegistry: this.#toRegistry(repository),
      kept: this.#options.kept,
      log: this.#options.log,
      headDeadlineMs: this.#options.headDeadlineMs,
    });
  }

  #toRegistry(repository: string): Exchange {
    return this.#endpoint.via(this.#authorization.exchangeFor({ repository, action: 'pull' }));
  }

  /** Adds to a refusal that the user's credentials were not used, if they may not be. */
  async #advised<T>(repository: string, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      const { code, message } = asLayerslayerError(error);
      const isRefused = code === 'UNAUTHORIZED' || code === 'NOT_FOUND';
      if (!isRefused || mayUseStored(this.#options, this.#registry, repository)) throw error;
      const why = `it was asked without credentials: --credentials has no ${this.#registry}/${repository}`;
      throw new LayerslayerError(code, `${message}; ${why}`, { cause: error });
    }
  }
}
