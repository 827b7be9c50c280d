import { type ErrorCode, LayerslayerError, systemCode } from '../base/errors.js';
import { shortageAdvice } from '../base/system-fault.js';

/**
 * What to do after a fault: `never` try again; `backoff`: wait and try, a few times; `once`: try once more from
 * another connection (wrong bytes came, a cache on the way may be broken).
 */
export type RetryAdvice = 'never' | 'backoff' | 'once';

/** A fault of the network or the registry, with what it means for trying again. */
export class RegistryFault extends LayerslayerError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly advice: RetryAdvice,
    readonly detail: {
      cause?: unknown;
      afterMs?: number; // Retry-After, from now
      host?: string; // who answered
      socketDied?: boolean; // the connection ended before an answer: a new one may work at once
    } = {},
  ) {
    super(code, message, { cause: detail.cause });
  }
}

const TIMEOUT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);
/** A pooled socket that the other side closed while it was idle looks like one of these. */
const SOCKET_DIED_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
/** OpenSSL's verification results and Node's own, as error codes. */
const CERTIFICATE_CODE =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|INVALID_CA$|HOSTNAME_MISMATCH$)/;

/** What a user can do about it, where the code alone does not say. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: '; nothing listens there: is it running, is the port right?',
  ENOTFOUND: '; there is no such host: is the name right?',
  EAI_AGAIN: '; names cannot be looked up: is the network up?',
  ENETUNREACH: '; is the network up?',
};

export function isCertificateCode(code: string | undefined): boolean {
  return code !== undefined && CERTIFICATE_CODE.test(code);
}

/** The code of a connection's error; happy eyeballs wrap one error an address into an AggregateError. */
export function connectionCode(error: unknown): string | undefined {
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return systemCode(error) ?? systemCode(first);
}

/** An error of the connection (not of HTTP) as a fault. Names the host only: a path may be a signed URL's. */
export function connectionFault(error: unknown, url: URL): LayerslayerError {
  if (error instanceof LayerslayerError) return error;
  const code = connectionCode(error);
  const said = error instanceof Error && error.message !== '' ? error.message : (code ?? 'connection failed');
  const named = code !== undefined && !said.includes(code) ? `${said} (${code})` : said;
  const advice = Object.hasOwn(ADVICE, code ?? '') ? ADVICE[code!] : '';
  const message = `${url.host}: ${named}${advice}`;
  const host = url.host;
  if (isCertificateCode(code)) {
    const hint = 'add its CA to SSL_CERT_FILE or certs.d, or use --insecure';
    return new RegistryFault('REGISTRY_UNAVAILABLE', `${message}: ${hint}`, 'never', { cause: error, host });
  }
  const shortage = shortageAdvice(code);
  if (shortage !== undefined) {
    return new RegistryFault('IO_FAILED', `${url.host}: ${code}: ${shortage}`, 'never', {
      cause: error,
      host,
    });
  }
  if (code !== undefined && TIMEOUT_CODES.has(code)) {
    return new RegistryFault('TIMED_OUT', message, 'backoff', { cause: error, host });
  }
  // A name that does not exist will not exist in a second; EAI_AGAIN is the resolver's own trouble.
  const again = code === 'ENOTFOUND' ? 'never' : 'backoff';
  const socketDied = code !== undefined && SOCKET_DIED_CODES.has(code);
  return new RegistryFault('REGISTRY_UNAVAILABLE', message, again, { cause: error, host, socketDied });
}
