import type { Digest } from '../oci/digest.js';
import type { Endpoint } from './endpoint.js';
import type { ForeignLayer } from './foreign-layer.js';
import { contentLengthOf, type Exchange, type HttpAnswer, headerOf } from './http/http-exchange.js';
import { RegistryFault } from './registry-fault.js';

/** What storage says when a signed address has expired or its object is gone. */
const EXPIRED_STATUSES = new Set([400, 401, 403, 404, 410]);

export interface BlobRouteOptions {
  endpoint: Endpoint;
  repository: string;
  digest: Digest;
  size: number; // bytes, as the descriptor says
  toRegistry: Exchange; // with authorization and redirects
  toStorage: Exchange; // with redirects only: storage refuses our Authorization, and must not see it
  foreign: ForeignLayer | undefined; // other locations that the manifest states
}

/** An address that answered, and the rule for requests to it. */
interface StorageAddress {
  url: URL;
  senderNearby: boolean;
}

/**
 * How to get at a blob: by the registry, or straight by the storage it redirects to, as long as that address works
 * (they are signed for minutes). One request a read less.
 */
export class BlobRoute {
  readonly #options: BlobRouteOptions;
  #storage: StorageAddress | undefined;

  constructor(options: BlobRouteOptions) {
    this.#options = options;
  }

  /** Answers a GET of the blob. @param range value of the Range header, undefined for the whole blob */
  async open(range: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const { endpoint, repository, digest, size, toRegistry, toStorage, foreign } = this.#options;
    const headers: Record<string, string> = range === undefined ? {} : { range };
    const storage = this.#storage;
    if (storage !== undefined) {
      const answer = await toStorage({ method: 'GET', headers, ...storage }, signal).catch(
        (error: unknown) => {
          // A node of the storage that went away: the registry may name another.
          this.#forget(storage);
          throw error;
        },
      );
      if (!EXPIRED_STATUSES.has(answer.status) && !isXmlPage(answer, size)) return answer;
      answer.body.discard();
      this.#forget(storage);
    }
    const answer = await toRegistry(
      endpoint.request('GET', `/v2/${repository}/blobs/${digest}`, headers),
      signal,
    );
    if (foreign && (answer.status === 404 || answer.status === 410)) {
      answer.body.discard();
      const found = await foreign.open(headers, answer.nearby, signal);
      this.#storage = { url: found.url, senderNearby: found.senderNearby ?? false };
      return found;
    }
    if (endpoint.serves(answer.url)) return answer;
    if (isXmlPage(answer, size)) {
      answer.body.discard();
      throw new RegistryFault(
        'REGISTRY_UNAVAILABLE',
        `${answer.url.host}: got an XML page, want a blob`,
        'backoff',
      );
    }
    if (answer.status === 200 || answer.status === 206) {
      this.#storage = { url: answer.url, senderNearby: answer.senderNearby ?? false };
    }
    return answer;
  }

  /** The next request asks the registry again. */
  forget(): void {
    this.#storage = undefined;
    this.#options.foreign?.suspect();
  }

  /** Another read may have learned a newer address meanwhile: that one stays. */
  #forget(storage: StorageAddress): void {
    if (this.#storage === storage) this.#storage = undefined;
  }
}

/** Error pages of storage may come with status 200: XML, and not of the blob's size. */
function isXmlPage(answer: HttpAnswer, size: number): boolean {
  const type = headerOf(answer, 'content-type') ?? '';
  return answer.status === 200 && /\bxml\b/i.test(type) && contentLengthOf(answer) !== size;
}
