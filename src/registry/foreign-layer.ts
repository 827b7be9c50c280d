import { asLayerslayerError, withContext } from '../base/errors.js';
import { type Descriptor, isForeign } from '../oci/descriptor.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { answerFault } from './answer-fault.js';
import { contentLengthOf, type Exchange, type HttpAnswer } from './http/http-exchange.js';
import { checkTarget } from './http/target-policy.js';
import { oneLine } from './one-line.js';
import { RegistryFault } from './registry-fault.js';

/** Maximum urls to try per layer; real manifests have one or two. */
const URLS_MAX = 8;

export interface ForeignLayerOptions {
  registry: string; // host, for messages
  digest: Digest;
  size: number; // bytes, as in the descriptor
  mediaType: string;
  urls: readonly string[]; // from the descriptor
  exchange: Exchange; // follows redirects, sends no credentials
  now: () => number; // ms since 1970
}

/**
 * The urls of a layer that the registry lacks (OCI image-spec, descriptor.md, `urls`), such as
 * Windows base layers. Manifests are untrusted, so the urls follow the redirect policy and get no
 * credentials.
 */
export class ForeignLayer {
  readonly #options: ForeignLayerOptions;
  #urls: readonly string[];
  #answered: string | undefined; // url of the last answer

  constructor(options: ForeignLayerOptions) {
    this.#options = options;
    this.#urls = options.urls.slice(0, URLS_MAX);
  }

  /** Moves the last url to the end: its answer was wrong or useless. */
  suspect(): void {
    const wrong = this.#answered;
    if (wrong === undefined) return;
    this.#urls = [...this.#urls.filter((url) => url !== wrong), wrong];
  }

  /**
   * Tries the urls in order.
   * @param nearby the registry has a loopback or private address, so the urls may too
   * @throws RegistryFault NOT_FOUND if no url has the layer; the code of the first other fault
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
    // The caller handles 416 by requesting the whole blob.
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
 * Returns a note that missing content is elsewhere: ` (foreign layer, TYPE: its content is at
 * URL)`. Empty for an ordinary descriptor.
 */
export function foreignNote(descriptor: Pick<Descriptor, 'mediaType' | 'urls'>): string {
  if (!isForeign(descriptor)) return '';
  const { mediaType, urls } = descriptor;
  const places = urls?.slice(0, URLS_MAX).map(shown).join(', ');
  const where = places === undefined ? 'its manifest has no url' : `its content is at ${places}`;
  return ` (foreign layer, ${typeName(mediaType)}: ${where})`;
}

function typeName(mediaType: string): string {
  return oneLine(mediaType) || 'no media type';
}

/** Returns a url without its query, which may hold a signature, and without credentials. */
function shown(text: string): string {
  if (!URL.canParse(text)) return 'a url that is not valid';
  const { protocol, host, pathname } = new URL(text);
  return oneLine(`${protocol}//${host}${pathname}`);
}
