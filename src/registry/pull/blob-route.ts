import { type Descriptor, isForeign } from '../../oci/descriptor.js';
import type { Endpoint } from '../endpoint.js';
import {
  contentLengthOf,
  type Exchange,
  type HttpAnswer,
  type HttpRequest,
  headerOf,
} from '../http/http-exchange.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { ForeignLayer } from './foreign-layer.js';

/** What storage says when a signed address has expired or its object is gone. */
const EXPIRED_STATUSES = new Set([400, 401, 403, 404, 410]);

export interface BlobRouteOptions {
  endpoint: Endpoint;
  repository: string;
  layer: Descriptor;
  toRegistry: Exchange; // with authorization and redirects
  toStorage: Exchange; // with redirects only: storage refuses our Authorization, and must not see it
}

/** An address that answered, and the rule for requests to it. */
type StorageAddress = Pick<HttpRequest, 'url' | 'senderNearby'>;

/**
 * The way to a blob: through the registry, or straight to the storage that it redirects to. That
 * saves a request for each read while the storage's address works (it is signed for minutes).
 */
export class BlobRoute {
  readonly #options: BlobRouteOptions;
  readonly #foreign: ForeignLayer | undefined; // other locations that the manifest states
  #storage: StorageAddress | undefined;

  constructor(options: BlobRouteOptions) {
    const { endpoint, layer, toStorage } = options;
    this.#options = options;
    this.#foreign = isForeign(layer) ? new ForeignLayer(endpoint.host, layer, toStorage) : undefined;
  }

  /** Sends a GET of the blob. @param range value of the Range header; undefined: the whole blob */
  async open(range: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const { endpoint, repository, layer, toRegistry } = this.#options;
    const headers: Record<string, string> = range === undefined ? {} : { range };
    const stored = await this.#fromStorage(headers, signal);
    if (stored) return stored;
    const url = new URL(`/v2/${repository}/blobs/${layer.digest}`, endpoint.origin);
    const answer = await toRegistry({ method: 'GET', url, headers }, signal);
    if (this.#foreign && (answer.status === 404 || answer.status === 410)) {
      answer.body.discard();
      return this.#remember(await this.#foreign.open(headers, answer.nearby, signal));
    }
    if (endpoint.serves(answer.url)) return answer;
    if (isXmlPage(answer, layer.size)) {
      answer.body.discard();
      const message = `${answer.url.host}: got an XML page, want a blob`;
      throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'backoff');
    }
    return answer.status === 200 || answer.status === 206 ? this.#remember(answer) : answer;
  }

  /** Returns undefined if no storage is known, or its address has expired. */
  async #fromStorage(headers: Record<string, string>, signal: AbortSignal): Promise<HttpAnswer | undefined> {
    const storage = this.#storage;
    if (storage === undefined) return undefined;
    const { toStorage, layer } = this.#options;
    const request = { method: 'GET', headers, ...storage } as const;
    const answer = await toStorage(request, signal).catch((error: unknown) => {
      // This node of the storage went away. The registry may name another.
      if (!signal.aborted) this.#expire(storage);
      throw error;
    });
    if (!EXPIRED_STATUSES.has(answer.status) && !isXmlPage(answer, layer.size)) return answer;
    answer.body.discard();
    this.#expire(storage);
    return undefined;
  }

  #remember(answer: HttpAnswer): HttpAnswer {
    this.#storage = { url: answer.url, senderNearby: answer.senderNearby ?? false };
    return answer;
  }

  /** The next request asks the registry again. */
  forget(): void {
    this.#storage = undefined;
    this.#foreign?.suspect();
  }

  /** Another read may have found a newer address meanwhile, which stays. */
  #expire(storage: StorageAddress): void {
    if (this.#storage === storage) this.#storage = undefined;
  }
}

/** Storage may send its error page with status 200: XML, and not of the blob's size. */
function isXmlPage(answer: HttpAnswer, size: number): boolean {
  const type = headerOf(answer, 'content-type') ?? '';
  return answer.status === 200 && /\bxml\b/i.test(type) && contentLengthOf(answer) !== size;
}
