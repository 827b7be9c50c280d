import { asLayerslayerError, withContext } from '../../base/errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { shortDigest } from '../../oci/digest.js';
import { foreignUrls, shownUrl } from '../../oci/foreign-layer.js';
import { showMediaType } from '../../oci/layer-type.js';
import { contentLengthOf, type Exchange, type HttpAnswer, type HttpRequest } from '../http/http-exchange.js';
import { checkTarget } from '../http/target-policy.js';
import { answerFault } from '../requests/answer-fault.js';
import { RegistryFault } from '../requests/registry-fault.js';

type Headers = HttpRequest['headers'];

/**
 * The urls of a layer that the registry lacks (OCI image-spec, descriptor.md, `urls`), such as
 * Windows base layers. Manifests are untrusted, so the urls follow the redirect policy and get no
 * credentials.
 */
export class ForeignLayer {
  readonly #registry: string;
  readonly #layer: Descriptor;
  readonly #exchange: Exchange;
  #urls: readonly string[];
  #answered: string | undefined; // url of the last answer

  /**
   * @param registry host, for messages
   * @param exchange follows redirects, sends no credentials
   */
  constructor(registry: string, layer: Descriptor, exchange: Exchange) {
    this.#registry = registry;
    this.#layer = layer;
    this.#exchange = exchange;
    this.#urls = foreignUrls(layer);
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
  async open(headers: Headers, nearby: boolean, signal: AbortSignal): Promise<HttpAnswer> {
    let fault: unknown;
    for (const text of this.#urls) {
      try {
        const answer = await this.#ask(text, headers, nearby, signal);
        this.#answered = text;
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (asLayerslayerError(error).code !== 'NOT_FOUND') fault ??= error;
      }
    }
    throw this.#faultOf(fault);
  }

  async #ask(text: string, headers: Headers, nearby: boolean, signal: AbortSignal): Promise<HttpAnswer> {
    const { size } = this.#layer;
    if (!URL.canParse(text)) {
      throw new RegistryFault('REGISTRY_UNAVAILABLE', 'one of its urls is not valid', 'never');
    }
    const url = new URL(text);
    url.hash = '';
    checkTarget(url, 'url', nearby);
    const answer = await this.#exchange({ method: 'GET', url, headers, senderNearby: nearby }, signal);
    const length = contentLengthOf(answer);
    if (answer.status === 200 && length !== undefined && length !== size) {
      answer.body.cancel();
      const message = `${shownUrl(text)}: got ${length} bytes, want ${size}`;
      throw new RegistryFault('DIGEST_MISMATCH', message, 'once');
    }
    // The caller handles 416 by requesting the whole blob.
    if ([200, 206, 416].includes(answer.status)) return answer;
    throw await answerFault(answer, shownUrl(text), '200');
  }

  /** @param other what failed at a url, other than NOT_FOUND */
  #faultOf(other: unknown): Error {
    const { digest, mediaType } = this.#layer;
    const name = `foreign layer ${shortDigest(digest)} (${showMediaType(mediaType)})`;
    const layer = `${name} is not in ${this.#registry}`;
    if (other instanceof RegistryFault) {
      return new RegistryFault(other.code, `${layer}; ${other.message}`, other.advice, other.detail);
    }
    if (other !== undefined) return withContext(other, layer);
    const places =
      this.#urls.length === 0 ? ', and has no urls' : `, nor at ${this.#urls.map(shownUrl).join(', ')}`;
    const advice = 'push it to the registry (docker: allow-nondistributable-artifacts)';
    return new RegistryFault('NOT_FOUND', `${layer}${places}: ${advice}`, 'never');
  }
}
