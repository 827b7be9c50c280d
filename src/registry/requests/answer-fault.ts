import type { ErrorCode } from '../../base/errors.js';
import { oneLine } from '../../base/text/one-line.js';
import { withoutSentSecrets } from '../authorization/sent-secrets.js';
import { clientCertificate } from '../http/connection-advice.js';
import { decodedBody } from '../http/content-coding.js';
import { type HttpAnswer, headerOf } from '../http/http-exchange.js';
import { placeOf, RegistryFault, type RetryAdvice } from './registry-fault.js';

/** Bytes read of an error body. Registries send a few hundred, broken gateways a hundred MB. */
const ERROR_BODY_MAX = 64 * 1024;
/** Ms for an error's body. An index pass has no deadline, so a dripped body could block it. */
const ERROR_BODY_MS = 5_000;

/**
 * Returns an unwanted response as a fault. Reads its body for the registry's own message.
 * @param doing names the operation, as `reading manifest docker.io/library/x:y`
 * @param wanted the expected status, as `200`
 */
export async function answerFault(answer: HttpAnswer, doing: string, wanted: string): Promise<RegistryFault> {
  const { status, url, proxy } = answer;
  const words = await registryWords(answer, url.host);
  const { code, advice } = judge(status);
  const from = placeOf(url, proxy);
  const message = `${doing}: got ${status} from ${from}, want ${wanted}${words}${explain(status, url.host)}`;
  const retryAfter = headerOf(answer, 'retry-after');
  return new RegistryFault(code, message, advice, { host: url.host, retryAfter });
}

function judge(status: number): { code: ErrorCode; advice: RetryAdvice } {
  if (status === 401 || status === 403) return { code: 'UNAUTHORIZED', advice: 'never' };
  if (status === 404 || status === 410) return { code: 'NOT_FOUND', advice: 'never' };
  if (status === 429) return { code: 'RATE_LIMITED', advice: 'backoff' };
  if (status === 408 || status === 504) return { code: 'TIMED_OUT', advice: 'backoff' };
  const transient = status >= 500 && status !== 501 && status !== 505;
  return { code: 'REGISTRY_UNAVAILABLE', advice: transient ? 'backoff' : 'never' };
}

function explain(status: number, host: string): string {
  if (status === 403) return '; it is private, or the credentials do not allow it';
  if (status === 429) return `; ${host} limits how often it is asked: log in, or try later`;
  return '';
}

/** nginx rejects clients without a certificate with an HTML page and status 400. */
const NGINX_CERTIFICATE_PAGE =
  /<title>\s*400 (No required SSL certificate was sent|The SSL certificate error)/i;

/**
 * Returns `: CODE: message` of distribution-spec's error body, or the first words of plain text.
 * Empty if there are none, or the bytes are not text.
 */
async function registryWords(answer: HttpAnswer, host: string): Promise<string> {
  const timer = setTimeout(() => answer.body.cancel(), ERROR_BODY_MS);
  const came = await answer.body.collect(ERROR_BODY_MAX).catch(() => ({ bytes: new Uint8Array() }));
  clearTimeout(timer);
  const isText = (bytes: Uint8Array) => textOf(bytes) !== undefined;
  const { bytes } = await decodedBody(came.bytes, answer, isText, ERROR_BODY_MAX);
  const text = textOf(bytes) ?? '';
  const wanted = NGINX_CERTIFICATE_PAGE.exec(text)?.[1];
  if (wanted !== undefined) return `: ${wanted}: ${clientCertificate(host)}`;
  const type = headerOf(answer, 'content-type') ?? '';
  // HTML has no message of one line, and storage's XML may quote the signed request.
  if (/html|xml/i.test(type) || /^\s*</.test(text)) return '';
  const said = errorMessage(text) ?? (text.startsWith('{') ? '' : text);
  const words = oneLine(withoutSentSecrets(said, answer));
  return words === '' ? '' : `: ${words}`;
}

/**
 * Returns undefined for bytes that are not UTF-8 or have control characters. Drops a truncated last
 * character.
 */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return /[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function errorMessage(text: string): string | undefined {
  try {
    const body = JSON.parse(text) as {
      errors?: { code?: unknown; message?: unknown }[];
      details?: unknown;
    } | null;
    const first = body?.errors?.[0];
    const parts = [first?.code, first?.message ?? body?.details].filter((part) => typeof part === 'string');
    return parts.length > 0 ? parts.join(': ') : undefined;
  } catch {
    return undefined;
  }
}
