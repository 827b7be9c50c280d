import { type ErrorCode, LayerslayerError, systemCode } from '../../base/errors.js';
import { messageInWords, systemCodeText } from '../../base/system-error-text.js';
import { shortageAdvice } from '../../base/system-fault.js';
import { oneLine } from '../../base/text/one-line.js';
import { adviceOn } from '../http/connection-advice.js';

/**
 * What to do after a fault. `never`: do not retry. `backoff`: wait and retry, a few times. `once`:
 * retry once on another connection: wrong bytes came, so a cache on the way may be broken.
 */
export type RetryAdvice = 'never' | 'backoff' | 'once';

/** A fault of the network or the registry, with advice on retries. */
export class RegistryFault extends LayerslayerError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly advice: RetryAdvice,
    readonly detail: {
      cause?: unknown;
      retryAfter?: string | undefined; // header of the answer
      host?: string; // that answered with a status other than 2xx
      socketDied?: boolean; // the connection ended before an answer: a new one may work at once
    } = {},
  ) {
    super(code, message, { cause: detail.cause });
  }
}

const TIMEOUT_CODES = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);
/** Codes of a pooled socket that the other side closed while it was idle. */
const SOCKET_DIED_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
/** Returns the connection's error behind a fault. */
export function causeOf(error: unknown): unknown {
  return error instanceof RegistryFault ? error.cause : undefined;
}

/** The code of a connection's error. Happy eyeballs wrap errors in an AggregateError. */
export function connectionCode(given: unknown): string | undefined {
  const error = firstError(given);
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return systemCode(error) ?? systemCode(first);
}

/** Returns the socket's error before undici reported the close (`keepFirstError`). */
function firstError(error: unknown): unknown {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return systemCode(error) === 'UND_ERR_SOCKET' && systemCode(cause) !== undefined ? cause : error;
}

/** Returns OpenSSL's reason, without the source lines in its message. */
function reasonOf(error: unknown): string {
  const { reason, message } = (error ?? {}) as { reason?: unknown; message?: unknown };
  if (typeof reason === 'string') return oneLine(reason);
  return message ? oneLine(messageInWords(error)) : '';
}

/** Returns a host and the proxy on the way, for messages. */
export function placeOf({ host }: { host: string }, proxy: string | undefined): string {
  return proxy === undefined ? host : `${host} through ${proxy}`;
}

/**
 * Returns a connection error (not HTTP) as a fault. It names only the host: a path may be a signed
 * URL's.
 * @param proxy the proxy on the way
 */
export function connectionFault(
  error: unknown,
  url: { host: string; protocol?: string },
  proxy?: string,
): LayerslayerError {
  if (error instanceof LayerslayerError) return error;
  const code = connectionCode(error);
  const said = reasonOf(firstError(error)) || (systemCodeText(code ?? '') ?? code ?? 'connection failed');
  const named = code !== undefined && !said.includes(code) ? `${said} (${code})` : said;
  const advice = adviceOn(firstError(error), code, url);
  const message = `${placeOf(url, proxy)}: ${named}${advice.text}`;
  const shortage = shortageAdvice(code);
  if (shortage !== undefined) {
    return new RegistryFault(
      'IO_FAILED',
      `${url.host}: ${systemCodeText(code ?? '')}: ${shortage}`,
      'never',
      { cause: error },
    );
  }
  if (TIMEOUT_CODES.has(code ?? ''))
    return new RegistryFault('TIMED_OUT', message, 'backoff', { cause: error });
  const socketDied = SOCKET_DIED_CODES.has(code ?? '');
  const again = advice.isFinal ? 'never' : 'backoff';
  return new RegistryFault('REGISTRY_UNAVAILABLE', message, again, { cause: error, socketDied });
}
