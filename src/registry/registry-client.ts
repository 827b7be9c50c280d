import { asLayerslayerError, withContext } from '../base/errors.js';
import { type Log, SILENT_LOG } from '../base/log.js';
import { type Descriptor, isForeign } from '../oci/descriptor.js';
import { type Digest, digestOf, isDigest, shortDigest } from '../oci/digest.js';
import { CONFIG_SIZE_MAX } from '../oci/image-config.js';
import { MANIFEST_SIZE_MAX } from '../oci/manifest.js';
import { baseMediaType, MANIFEST_ACCEPT } from '../oci/media-type.js';
import { answerFault } from './answer-fault.js';
import { type Authorization, authorized } from './authorization/authorization.js';
import { findCredentials } from './authorization/credentials.js';
import { RegistryAuthorization } from './authorization/registry-authorization.js';
import { BlobRoute } from './blob-route.js';
import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { aborted, withDeadline } from './deadline.js';
import { Endpoint } from './endpoint.js';
import { FirstContact } from './first-contact.js';
import { ForeignLayer } from './foreign-layer.js';
import { Connections } from './http/connections.js';
import { codedLimit, decodedBody, isJson } from './http/content-coding.js';
import { contentLengthOf, type Exchange, type HttpAnswer, headerOf } from './http/http-exchange.js';
import { followRedirects } from './http/redirect.js';
import { type KeptBlobs, NOTHING_KEPT } from './kept-blobs.js';
import { oneLine } from './one-line.js';
import { RegistryFault } from './registry-fault.js';
import type { RegistryOptions } from './registry-options.js';
import { RemoteBlob } from './remote-blob.js';
import { type Notice, RateLimitAccount, type RetryOptions, withRetries } from './retry.js';
import { Traffic } from './second-request.js';

/** Ms without a byte of headers or body until a request has stalled. */
const STALL_MS = 20_000;
/** Ms for a HEAD. Some firewalls drop it, and a GET returns the same information. */
const HEAD_DEADLINE_MS = 5_000;
/** Ms for one try of a manifest or config, so that a server that drips can't block a mount. */
const SMALL_BODY_DEADLINE_MS = 60_000;

export interface RegistryClientOptions extends RegistryOptions {
  kept?: KeptBlobs;
  onNotice?: Notice;
  onBytes?: (count: number) => void; // body bytes of layers, as they come
  log?: Log; // debug: each failed try that is repeated
  environment?: NodeJS.ProcessEnv;
  clock?: Clock;
  stallMs?: number;
  headDeadlineMs?: number;
  firstContactMs?: number; // until a registry that never answered counts as unreachable
  readDeadlineMs?: number;
  secondRequestMs?: number; // of silence, until a layer's bytes are asked for a second time
}

/** A manifest as received, its digest checked. */
export interface FetchedManifest {
  digest: Digest;
  bytes: Uint8Array;
  contentType: string | undefined; // undefined: cached by an earlier run
}

/** One registry (OCI distribution-spec). Sends no request before the first call. */
export class RegistryClient {
  readonly registry: string;
  readonly #authorization: Authorization;
  readonly #endpoint: Endpoint;
  readonly #connections: Connections;
  readonly #options: RegistryClientOptions;
  readonly #kept: KeptBlobs;
  readonly #clock: Clock;
  readonly #contact: FirstContact;
  readonly #redirected: Exchange;
  readonly #retry: RetryOptions;
  readonly #traffic = new Traffic();

  /** @param registry as in a reference: `docker.io`, `localhost:5000` */
  constructor(registry: string, options: RegistryClientOptions) {
    const environment = options.environment ?? process.env;
    const notice: Notice = options.onNotice ?? (() => {});
    this.registry = registry;
    this.#options = options;
    this.#kept = options.kept ?? NOTHING_KEPT;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#endpoint = new Endpoint(registry, options.insecure);
    this.#connections = new Connections({
      endpoint: this.#endpoint,
      insecure: options.insecure,
      stallMs: options.stallMs ?? STALL_MS,
      environment,
    });
    this.#contact = new FirstContact(this.#endpoint.host, options.firstContactMs);
    this.#redirected = followRedirects(this.#heard(this.#connections.exchange));
    this.#authorization = new RegistryAuthorization({
      registry,
      exchange: this.#redirected,
      findCredentials: (repository, signal) =>
        findCredentials(registry, repository, { registry: options, environment, notice }, signal),
      clock: this.#clock,
      notice,
    });
    this.#retry = {
      clock: this.#clock,
      account: new RateLimitAccount(this.#clock),
      notice,
      log: options.log ?? SILENT_LOG,
      renew: () => this.#connections.renew(),
    };
  }

  /**
   * Returns the tag's current digest by one HEAD: a GET counts as a pull on Docker Hub. Returns
   * undefined if the registry refuses HEAD, does not answer it, or sends no digest. Then use GET.
   * @throws LayerslayerError UNAUTHORIZED, RATE_LIMITED, network codes; never NOT_FOUND, as some
   *   registries answer each HEAD with 404
   */
  async headManifest(repository: string, tag: string, signal?: AbortSignal): Promise<Digest | undefined> {
    return this.#small(
      `asking for manifest ${this.#name(repository, tag)}`,
      signal,
      async (within, doing) => {
        const answer = await this.#head(repository, tag, within);
        if (!answer) return undefined;
        answer.body.discard();
        if (answer.status === 200) {
          const digest = headerOf(answer, 'docker-content-digest');
          return isDigest(digest) ? digest : undefined;
        }
        if (answer.status === 429 || answer.status === 401) throw await this.#refusal(answer, doing);
        return undefined;
      },
    );
  }

  /**
   * Returns a manifest or image index by tag or digest. A cached one by digest takes no request. A
   * tag takes one HEAD, and nothing else if its manifest is cached.
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, DIGEST_MISMATCH, UNSUPPORTED (too large),
   *   network codes
   */
  getManifest(repository: string, name: string, signal?: AbortSignal): Promise<FetchedManifest> {
    // HEAD and GET together are one first contact.
    return this.#contact.within(`reading manifest ${this.#name(repository, name)}`, signal, (within) =>
      this.#findManifest(repository, name, within),
    );
  }

  async #findManifest(repository: string, name: string, signal: AbortSignal): Promise<FetchedManifest> {
    const digest = isDigest(name) ? name : await this.headManifest(repository, name, signal);
    const kept = digest && (await this.#readKept(digest));
    if (kept) return { digest, bytes: kept, contentType: undefined };
    const fetched = await this.#fetchManifest(repository, digest ?? name, name, signal).catch((error) => {
      // The tag was moved since the HEAD, or the HEAD's digest does not exist.
      const isGone =
        digest !== undefined && digest !== name && asLayerslayerError(error).code === 'NOT_FOUND';
      if (!isGone) throw error;
      return this.#fetchManifest(repository, name, name, signal);
    });
    await this.#write(fetched.digest, fetched.bytes);
    return fetched;
  }

  /**
   * Returns undefined if there was no answer in time, or a GET may succeed where the connection
   * failed.
   */
  async #head(repository: string, tag: string, signal: AbortSignal): Promise<HttpAnswer | undefined> {
    const doing = `HEAD of ${this.#name(repository, tag)}`;
    const ms = this.#options.headDeadlineMs ?? HEAD_DEADLINE_MS;
    try {
      return await withDeadline(ms, doing, signal, (within) =>
        this.#ask('HEAD', repository, `manifests/${tag}`, within),
      );
    } catch (error) {
      const { code, message } = asLayerslayerError(error);
      const mayPass = error instanceof RegistryFault && error.advice === 'backoff';
      const isUnheard = code === 'TIMED_OUT' || (code === 'REGISTRY_UNAVAILABLE' && mayPass);
      if (signal.aborted || !isUnheard) throw error;
      this.#options.log?.debug(`asking by GET after: ${message}`);
      return undefined;
    }
  }

  /**
   * @param asked digest or tag, for the URL
   * @param name the caller's name of it, for messages
   */
  #fetchManifest(
    repository: string,
    asked: string,
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<FetchedManifest> {
    const doing = `reading manifest ${this.#name(repository, name)}`;
    return this.#small(doing, signal, async (within) => {
      const answer = await this.#ask('GET', repository, `manifests/${asked}`, within);
      if (answer.status !== 200) throw await this.#refusal(answer, doing);
      if (!VAGUE_TYPES.test(typeOf(answer))) throw pageFault(answer, doing, 'a manifest');
      const body = await collectBody(answer, codedLimit(answer, MANIFEST_SIZE_MAX));
      if (!body) throw tooLarge(doing, contentLengthOf(answer), MANIFEST_SIZE_MAX);
      const said = headerOf(answer, 'docker-content-digest');
      const wanted = isDigest(asked) ? asked : isDigest(said) ? said : undefined;
      const from = answer.url.host;
      const isRight = wanted ? isOf(wanted) : isJson;
      const { bytes, note } = await decodedBody(body, answer, isRight, MANIFEST_SIZE_MAX);
      if (note !== '' && !wanted && !isJson(bytes)) {
        const message = `${doing}: got bytes that are not JSON from ${from}, want a manifest${note}`;
        throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'never', { host: from });
      }
      const found = checkDigest(bytes, wanted, doing, { from, note });
      // For a request by digest, the header is one more check.
      if (isDigest(said) && said !== found) checkDigest(bytes, said, doing, { from, note });
      return { digest: found, bytes, contentType: headerOf(answer, 'content-type') };
    });
  }

  /**
   * Returns a small blob (an image config), checked against its descriptor.
   * @throws LayerslayerError UNSUPPORTED if it is larger than a config may be; codes of getManifest
   */
  async getBlob(repository: string, descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    const { digest, size, data } = descriptor;
    if (data) return data;
    const doing = `reading config ${shortDigest(digest)} of ${this.registry}/${repository}`;
    if (size > CONFIG_SIZE_MAX) throw tooLarge(doing, size, CONFIG_SIZE_MAX);
    const kept = await this.#readKept(digest);
    if (kept) return kept;
    const bytes = await this.#small(doing, signal, async (within) => {
      const answer = await this.#ask('GET', repository, `blobs/${digest}`, within);
      if (answer.status !== 200) throw await this.#refusal(answer, doing);
      // Storage sends any type. HTML of another size than the config's is a page.
      const isPage = /\bhtml\b/.test(typeOf(answer)) && contentLengthOf(answer) !== size;
      if (isPage) throw pageFault(answer, doing, 'a config');
      const host = answer.url.host;
      const body = await collectBody(answer, codedLimit(answer, size));
      if (!body) {
        const message = `${doing}: got more than the ${size} bytes of its descriptor from ${host}`;
        throw new RegistryFault('DIGEST_MISMATCH', message, 'once', { host });
      }
      const { bytes, note } = await decodedBody(body, answer, isOf(digest), size);
      checkDigest(bytes, digest, doing, { from: host, note });
      return bytes;
    });
    await this.#write(digest, bytes);
    return bytes;
  }

  /** Returns a layer's blob. Sends no request before the first read. */
  openBlob(repository: string, layer: Descriptor): RemoteBlob {
    const { digest, size } = layer;
    const { readDeadlineMs, secondRequestMs, onBytes } = this.#options;
    const route = new BlobRoute({
      endpoint: this.#endpoint,
      repository,
      digest,
      size,
      toRegistry: this.#toRegistry(repository),
      toStorage: this.#redirected,
      foreign: this.#foreign(layer),
    });
    return new RemoteBlob(digest, size, route, {
      retry: this.#retry,
      contact: this.#contact,
      traffic: this.#traffic,
      secondRequestMs,
      ...(readDeadlineMs !== undefined && { readDeadlineMs }),
      ...(onBytes && { onBytes }),
    });
  }

  /** Returns undefined for an ordinary layer, which only the registry has. */
  #foreign(layer: Descriptor): ForeignLayer | undefined {
    if (!isForeign(layer)) return undefined;
    const { digest, size, mediaType, urls } = layer;
    return new ForeignLayer({
      registry: this.#endpoint.host,
      digest,
      size,
      mediaType,
      urls: urls ?? [],
      exchange: this.#redirected,
      now: this.#clock.now,
    });
  }

  /** Fails current requests. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  /**
   * Records an answer. A 401 starts a login, whose token service may not answer: the answer after
   * it counts.
   */
  #heard(exchange: Exchange): Exchange {
    return async (request, signal) => {
      const answer = await exchange(request, signal).catch((error: unknown) => {
        if (error instanceof RegistryFault) this.#contact.failed(error.message);
        throw error;
      });
      if (answer.status !== 401 && this.#endpoint.serves(answer.url)) this.#contact.made();
      return answer;
    };
  }

  #toRegistry(repository: string): Exchange {
    return this.#endpoint.via(authorized(this.#redirected, this.#authorization, repository));
  }

  #ask(method: 'GET' | 'HEAD', repository: string, path: string, signal: AbortSignal): Promise<HttpAnswer> {
    const headers: Record<string, string> = path.startsWith('manifests/') ? { accept: MANIFEST_ACCEPT } : {};
    return this.#toRegistry(repository)(
      this.#endpoint.request(method, `/v2/${repository}/${path}`, headers),
      signal,
    );
  }

  /** Runs a request with a small body. Each try has a deadline; transient faults are retried. */
  async #small<T>(
    doing: string,
    signal: AbortSignal | undefined,
    task: (signal: AbortSignal, doing: string) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#contact.within(doing, signal, (within) =>
        withRetries(this.#retry, within, () =>
          withDeadline(SMALL_BODY_DEADLINE_MS, doing, within, (one) => task(one, doing)),
        ),
      );
    } catch (error) {
      if (signal?.aborted) throw aborted(signal);
      const told = error instanceof Error && error.message.startsWith(doing);
      throw told ? error : withContext(error, doing);
    }
  }

  #refusal(answer: HttpAnswer, doing: string): Promise<RegistryFault> {
    return answerFault(answer, doing, '200', this.#clock.now());
  }

  async #readKept(digest: Digest): Promise<Uint8Array | undefined> {
    const bytes = await this.#kept.read(digest);
    return bytes && digestOf(bytes, digest) === digest ? bytes : undefined;
  }

  async #write(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#kept.write(digest, bytes);
  }

  #name(repository: string, name: string): string {
    return isDigest(name)
      ? `${this.registry}/${repository}@${shortDigest(name)}`
      : `${this.registry}/${repository}:${name}`;
  }
}

/** Types that state no content. Old registries and storage send them for anything. */
const VAGUE_TYPES = /^(|text\/plain|application\/octet-stream|binary\/octet-stream|.*[/+](json|prettyjws))$/;

function typeOf(answer: HttpAnswer): string {
  return baseMediaType(headerOf(answer, 'content-type'));
}

/** A login page or a proxy's error may have status 200. @param wanted as `a manifest` */
function pageFault(answer: HttpAnswer, doing: string, wanted: string): RegistryFault {
  answer.body.discard();
  const host = answer.url.host;
  const got = oneLine(typeOf(answer));
  const message = `${doing}: got ${got} from ${host}, want ${wanted} (does something else answer there?)`;
  return new RegistryFault('REGISTRY_UNAVAILABLE', message, 'never', { host });
}

function isOf(digest: Digest): (bytes: Uint8Array) => boolean {
  return (bytes) => digestOf(bytes, digest) === digest;
}

/**
 * @param from the host that sent the bytes
 * @param note appended to the message
 * @returns the digest of the bytes, equal to `wanted` if given
 */
function checkDigest(
  bytes: Uint8Array,
  wanted: Digest | undefined,
  doing: string,
  { from, note }: { from: string; note: string },
): Digest {
  const found = digestOf(bytes, wanted);
  if (wanted === undefined || found === wanted) return found;
  const message = `${doing}: got ${shortDigest(found)} from ${from}, want ${shortDigest(wanted)}${note}`;
  throw new RegistryFault('DIGEST_MISMATCH', message, 'once', { host: from });
}

/** Returns undefined for more than `limit` bytes. */
async function collectBody(answer: HttpAnswer, limit: number): Promise<Uint8Array | undefined> {
  if ((contentLengthOf(answer) ?? 0) > limit) {
    answer.body.cancel();
    return undefined;
  }
  const { bytes, complete } = await answer.body.collect(limit);
  return complete ? bytes : undefined;
}

function tooLarge(doing: string, size: number | undefined, limit: number): RegistryFault {
  const got = size === undefined ? 'more' : `${size} bytes`;
  return new RegistryFault('UNSUPPORTED', `${doing}: got ${got}, the limit is ${limit} bytes`, 'never');
}
