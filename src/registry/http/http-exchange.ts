import type { ResponseBody } from './response-body.js';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One HTTP request: a read, a write of the registry, or the token service's POST. */
export interface HttpRequest {
  method: HttpMethod;
  url: URL;
  headers: Readonly<Record<string, string>>; // names in lower case
  /** A text is a token service's form: it has secrets, and no redirect gets it. */
  body?: string | UploadBody;
  /**
   * The sender of `url` has a loopback or private address, so it may redirect to such addresses.
   * undefined: there is no sender, the user named the registry.
   */
  senderNearby?: boolean;
}

/** Bytes to send. Each try reads them again. */
export interface UploadBody {
  length: number; // bytes
  chunks(): AsyncIterable<Uint8Array>;
}

/** A response whose body is unread. Its reader must consume or discard it. */
export interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>; // names in lower case
  url: URL; // of this response; after redirects not the request's
  body: ResponseBody;
  nearby: boolean; // this answer's socket leads to a loopback or private address
  senderNearby: boolean | undefined; // of the request: a retry of `url` follows the same rule
  sent?: Pick<HttpRequest, 'headers' | 'body'>; // of the request; an error body may repeat it
  proxy: string | undefined; // the proxy of this answer
}

/**
 * Sends a request and returns the response, whatever its status. Redirects, authorization and the
 * choice of the scheme wrap this interface.
 * @throws RegistryFault if there is no response; the signal's reason when it aborts
 */
export type Exchange = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** Returns the elements of a comma-separated header, in lower case, without empty ones. */
export function listOf(value: string | string[] | undefined): string[] {
  const elements = [value ?? []].flat().flatMap((line) => line.split(','));
  return elements.map((element) => element.trim().toLowerCase()).filter((element) => element !== '');
}

/** Returns the first value of a header. */
export function headerOf(answer: Pick<HttpAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Returns Content-Length; undefined if it is missing or no number of bytes. */
export function contentLengthOf(answer: Pick<HttpAnswer, 'headers'>): number | undefined {
  const text = headerOf(answer, 'content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
