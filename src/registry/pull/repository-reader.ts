import { asLayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { withDeadline } from '../../base/tasks/deadline.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { type Digest, digestOf, isDigest, shortDigest } from '../../oci/digest.js';
import { CONFIG_SIZE_MAX } from '../../oci/image-config.js';
import { MANIFEST_ACCEPT } from '../../oci/media-type.js';
import type { Endpoint } from '../endpoint.js';
import { type Exchange, type HttpAnswer, headerOf } from '../http/http-exchange.js';
import type { KeptBlobs } from '../registry-options.js';
import { answerFault } from '../requests/answer-fault.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { type RequestLimits, smallRequest } from '../requests/small-request.js';
import { type FetchedManifest, readConfig, readManifest, tooLarge } from './document-body.js';

/** Ms for a HEAD. Some firewalls drop it, and a GET returns the same information. */
const HEAD_DEADLINE_MS = 5_000;

export interface RepositoryReaderParts extends RequestLimits {
  registry: string; // as in a reference
  repository: string;
  endpoint: Endpoint;
  toRegistry: Exchange;
  kept?: KeptBlobs | undefined;
  log?: Log | undefined; // debug: a HEAD that failed
  headDeadlineMs?: number | undefined;
}

/** Manifests and configs of one repository (distribution-spec, "Pull"). */
export class RepositoryReader {
  readonly #parts: RepositoryReaderParts;
  readonly #repository: string; // as in a reference

  constructor(parts: RepositoryReaderParts) {
    this.#parts = parts;
    this.#repository = `${parts.registry}/${parts.repository}`;
  }

  /**
   * Returns a manifest or image index by tag or digest. A cached one by digest takes no request. A
   * tag takes one HEAD, and nothing else if its manifest is cached.
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, DIGEST_MISMATCH, UNSUPPORTED (too large),
   *   network codes
   */
  manifest(name: string, signal?: AbortSignal): Promise<FetchedManifest> {
    // HEAD and GET together are one first contact.
    return this.#parts.contact.within(`reading manifest ${this.#name(name)}`, signal, (within) =>
      this.#find(name, within).catch((error) => {
        if (asLayerslayerError(error).code !== 'NOT_FOUND') throw error;
        // What users look for first: the registry's own words are for programs.
        throw withContext(error, `no such ${isDigest(name) ? 'digest' : 'tag'}`);
      }),
    );
  }

  /**
   * Returns the manifest of a tag by one GET, without the HEAD that `manifest` sends first: for
   * tags that are rarely cached.
   * @throws LayerslayerError as `manifest`
   */
  tag(tag: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const doing = `reading manifest ${this.#name(tag)}`;
    return smallRequest(this.#parts, doing, signal, async (within) => {
      const answer = await this.#get(`manifests/${tag}`, doing, within);
      return readManifest(answer, doing, tag);
    });
  }

  /**
   * Returns an image config, checked against its descriptor.
   * @throws LayerslayerError UNSUPPORTED if it is larger than a config may be; codes of `manifest`
   */
  async config(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    const { digest, size, data } = descriptor;
    if (data) return data;
    const doing = `reading config ${shortDigest(digest)} of ${this.#repository}`;
    if (size > CONFIG_SIZE_MAX) throw tooLarge(doing, size, CONFIG_SIZE_MAX);
    const kept = await this.#readKept(digest);
    if (kept) return kept;
    const bytes = await smallRequest(this.#parts, doing, signal, async (within) => {
      const answer = await this.#get(`blobs/${digest}`, doing, within);
      return readConfig(answer, doing, descriptor);
    });
    await this.#parts.kept?.write(digest, bytes);
    return bytes;
  }

  async #find(name: string, signal: AbortSignal): Promise<FetchedManifest> {
    const digest = isDigest(name) ? name : await this.#tagDigest(name, signal);
    const kept = digest && (await this.#readKept(digest));
    if (kept) return { digest, bytes: kept, contentType: undefined };
    const doing = `reading manifest ${this.#name(name)}`;
    const fetch = (asked: string) =>
      smallRequest(this.#parts, doing, signal, async (within) => {
        const answer = await this.#get(`manifests/${asked}`, doing, within);
        return readManifest(answer, doing, asked);
      });
    const fetched = await fetch(digest ?? name).catch((error) => {
      // The tag was moved since the HEAD, or the HEAD's digest does not exist.
      const isGone = digest !== name && asLayerslayerError(error).code === 'NOT_FOUND';
      if (digest === undefined || !isGone) throw error;
      return fetch(name);
    });
    await this.#parts.kept?.write(fetched.digest, fetched.bytes);
    return fetched;
  }

  /**
   * Returns the tag's current digest by one HEAD: a GET counts as a pull on Docker Hub. Returns
   * undefined if the registry refuses HEAD, does not answer it, or sends no digest. Then use GET.
   * @throws LayerslayerError UNAUTHORIZED, RATE_LIMITED, network codes; never NOT_FOUND, as some
   *   registries answer each HEAD with 404
   */
  #tagDigest(tag: string, signal: AbortSignal): Promise<Digest | undefined> {
    const doing = `asking for manifest ${this.#name(tag)}`;
    return smallRequest(this.#parts, doing, signal, async (within) => {
      const answer = await this.#head(tag, within);
      if (answer?.status === 429 || answer?.status === 401) throw await answerFault(answer, doing, '200');
      answer?.body.discard();
      const digest = answer?.status === 200 ? headerOf(answer, 'docker-content-digest') : undefined;
      return isDigest(digest) ? digest : undefined;
    });
  }

  /** Returns undefined without an answer in time, or if a GET may pass a connection that failed. */
  async #head(tag: string, signal: AbortSignal): Promise<HttpAnswer | undefined> {
    const doing = `HEAD of ${this.#name(tag)}`;
    const ms = this.#parts.headDeadlineMs ?? HEAD_DEADLINE_MS;
    try {
      return await withDeadline(ms, doing, signal, (within) => this.#ask('HEAD', `manifests/${tag}`, within));
    } catch (error) {
      const { code, message } = asLayerslayerError(error);
      const mayPass = error instanceof RegistryFault && error.advice === 'backoff';
      const isUnheard = code === 'TIMED_OUT' || (code === 'REGISTRY_UNAVAILABLE' && mayPass);
      if (signal.aborted || !isUnheard) throw error;
      this.#parts.log?.debug(`asking by GET after: ${message}`);
      return undefined;
    }
  }

  #ask(method: 'GET' | 'HEAD', path: string, signal: AbortSignal): Promise<HttpAnswer> {
    const headers: Record<string, string> = path.startsWith('manifests/') ? { accept: MANIFEST_ACCEPT } : {};
    const url = new URL(`/v2/${this.#parts.repository}/${path}`, this.#parts.endpoint.origin);
    return this.#parts.toRegistry({ method, url, headers }, signal);
  }

  /** Returns an answer with status 200. */
  async #get(path: string, doing: string, signal: AbortSignal): Promise<HttpAnswer> {
    const answer = await this.#ask('GET', path, signal);
    if (answer.status !== 200) throw await answerFault(answer, doing, '200');
    return answer;
  }

  async #readKept(digest: Digest): Promise<Uint8Array | undefined> {
    const bytes = await this.#parts.kept?.read(digest);
    return bytes && digestOf(bytes, digest) === digest ? bytes : undefined;
  }

  #name(name: string): string {
    return isDigest(name) ? `${this.#repository}@${shortDigest(name)}` : `${this.#repository}:${name}`;
  }
}
