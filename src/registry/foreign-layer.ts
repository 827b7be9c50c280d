import { asLayerslayerError, withContext } from '../base/errors.js';
import { type Descriptor, isForeign } from '../oci/descriptor.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { answerFault } from './answer-fault.js';
import { contentLengthOf, type Exchange, type HttpAnswer } from './http-exchange.js';
import { oneLine } from './one-line.js';
import { RegistryFault } from './registry-fault.js';
import { checkTarget } from './target-policy.js';

/** Urls of one layer that are asked; real manifests name one or two. */
const URLS_MAX = 8;

export interface ForeignLayerOptions {
  registry: string; // host, for messages
  digest: Digest;
  size: number; // bytes, as the descriptor says
  mediaType: string;
  urls: readonly string[]; // of the descriptor
  exchange: Exchange; // with redirects, without credentials
  now: () => number; // ms since 1970
}

/**
 * Where the manifest says that a layer is, when the registry does not have it (OCI image-spec, descriptor.md, `urls`).
 * Windows base layers are of this kind. Anybody can write a manifest, so the urls are under the policy of redirects,
 * and are asked without credentials.
 */
export class ForeignLayer {
  readonly #options: ForeignLayerOptions;
  #urls: readonly string[];
  #answered: string | undefined; // the url of the last answer

  constructor(options: ForeignLayerOptions) {
    this.#options = options;
    this.#urls = options.urls.slice(0, URLS_MAX);
  }

  /** The last answer held wrong bytes, or was of no use: the other urls come first from now on. */
  suspect(): void {
    const wrong = this.#answered;
    if (wrong === undefined) return;
    this.#urls = [...this.#urls.filter((url) => url !== wrong), wrong];
  }

  /**
   * Asks the urls in turn.
   * @param nearby the registry's own address is loopback or private: then so may be the urls'
   * @throws RegistryFault NOT_FOUND when none has the layer; the code of the first other fault
   */
  async open(
    headers: Readonly<Record<string, string>>,
    nearby: boolean,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const faults: unknown[] = [];
    for (const text of this.#urls) {
      try {
        const answer = await this.#ask(text, headers, nearby, signal);
        this.#answered = text;
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        faults.push(error);
      }
    }
    throw this.#told(faults);
  }

  async #ask(
    text: string,
    headers: Readonly<Record<string, string>>,
    nearby: boolean,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { exchange, size, now } = this.#options;
    if (!URL.canParse(text)) {
      throw new RegistryFault('REGISTRY_UNAVAILABLE', 'one of its urls is not valid', 'never');
    }
    const url = new URL(text);
    url.hash = '';
    checkTarget(url, 'url', nearby);
    const answer = await exchange({ method: 'GET', url, headers, senderNearby: nearby }, signal);
    const length = contentLengthOf(answer);
    if (answer.status === 200 && length !== undefined && length !== size) {
      answer.body.cancel();
      const message = `${shown(text)}: got ${length} bytes, want ${size}`;
      throw new RegistryFault('DIGEST_MISMATCH', message, 'once', { host: answer.url.host });
    }
    // 416 is the caller's business: it asks for the whole blob then.
    if ([200, 206, 416].includes(answer.status)) return answer;
    throw await answerFault(answer, shown(text), '200', now());
  }

  #told(faults: readonly unknown[]): Error {
    const { registry, digest, mediaType } = this.#options;
    const layer = `foreign layer ${shortDigest(digest)} (${typeName(mediaType)}) is not in ${registry}`;
    const other = faults.find((error) => asLayerslayerError(error).code !== 'NOT_FOUND');
    if (other instanceof RegistryFault) {
      return new RegistryFault(other.code, `${layer}; ${other.message}`, other.advice, other.detail);
    }
    if (other !== undefined) return withContext(other, layer);
    const places =
      this.#urls.length === 0 ? ', and has no urls' : `, nor at ${this.#urls.map(shown).join(', ')}`;
    const advice = 'push it to the registry (docker: allow-nondistributable-artifacts)';
    return new RegistryFault('NOT_FOUND', `${layer}${places}: ${advice}`, 'never', { host: registry });
  }
}

/**
 * Says that content which is missing belongs elsewhere: ` (foreign layer, TYPE: its content is at URL)`. Empty for an
 * ordinary descriptor.
 */
export function foreignNote(descriptor: Pick<Descriptor, 'mediaType' | 'urls'>): string {
  if (!isForeign(descriptor)) return '';
  const { mediaType, urls } = descriptor;
  const places = urls?.slice(0, URLS_MAX).map(shown).join(', ') ?? 'no url that its manifest names';
  return ` (foreign layer, ${typeName(mediaType)}: its content is at ${places})`;
}

function typeName(mediaType: string): string {
  return oneLine(mediaType) || 'no media type';
}

/** Without the query, which may hold a signature, and without credentials. */
function shown(text: string): string {
  if (!URL.canParse(text)) return 'a url that is not valid';
  const { protocol, host, pathname } = new URL(text);
  return oneLine(`${protocol}//${host}${pathname}`);
}
