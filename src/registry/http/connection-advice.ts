import { oneLine } from '../../base/text/one-line.js';

/** Advice about a failed connection. */
export interface ConnectionAdvice {
  text: string; // appended to the message
  isFinal: boolean; // a retry would fail the same way
}

/** Maximum names of a certificate in a message; some have hundreds. */
const NAMES_MAX = 5;

/** Advice by error code; a function if it needs the host. The first match wins. */
const TABLE: readonly [codes: RegExp, advice: string | ((host: string, error: unknown) => string)][] = [
  // OpenSSL's and Node's results for the registry's certificate.
  [
    /^CERT_HAS_EXPIRED$/,
    ": renew the registry's certificate (or set this machine's clock, if that is wrong); --insecure skips the check",
  ],
  [
    /^CERT_NOT_YET_VALID$/,
    ": set this machine's clock, or wait until the registry's certificate is valid; --insecure skips the check",
  ],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, (_, error) => wrongName(error)],
  [/^CERT_REVOKED$/, ": replace the registry's certificate"],
  [
    /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_UNTRUSTED$)/,
    ': add its CA to SSL_CERT_FILE or certs.d, or use --insecure',
  ],
  [/^(CERT_|INVALID_CA$)/, ": replace the registry's certificate; --insecure skips the check"],
  [/_TOO_(SMALL|WEAK)$/, ': the registry needs a certificate with a stronger key or signature'],
  // Alerts that a server sends during the handshake, or just after it (TLS 1.3).
  [/ALERT_CERTIFICATE_REQUIRED$/, (host) => `: ${clientCertificate(host)}`],
  [
    /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/,
    (host) => `: it rejects the client certificate, or ${clientCertificate(host)}`,
  ],
  [
    /ALERT_HANDSHAKE_FAILURE$/,
    (host) => `: it supports no TLS version or cipher of this client, or ${clientCertificate(host)}`,
  ],
  [
    /(ALERT_NO_APPLICATION_PROTOCOL|HTTP2_NOT_OFFERED)$/,
    ': it speaks only HTTP/2, which layerslayer does not support: enable HTTP/1.1 there, or use a proxy that speaks both',
  ],
  [
    /(ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW)$/,
    ': it supports only TLS versions before 1.2, which are not safe: update it',
  ],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/,
    ': it does not speak TLS there; is the port right? --insecure allows plain HTTP',
  ],
  [/^ECONNREFUSED$/, '; nothing listens there: is it running, is the port right?'],
  [/^ENOTFOUND$/, '; no such host: is the name right?'],
  [/^EAI_AGAIN$/, '; names cannot be looked up: is the network up?'],
  [/^ENETUNREACH$/, '; is the network up?'],
  [/^UND_ERR_HEADERS_OVERFLOW$/, '; it sends more than 1 MiB of headers'],
  [
    /^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH)$/,
    '; is it reachable from here, is a firewall in between?',
  ],
];
/** Transient faults: a starting server, a restored network. */
const PASSING_CODES = /^(ECONNREFUSED|EAI_AGAIN|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH)$/;

const NO_HTTP_1 = '; does it speak only HTTP/2, is the port right?';
const NO_ANSWER =
  '; it ends connections without an answer: does it speak only HTTP/2, or require a client certificate?';

/** @param code of `error`, undefined if it has none */
export function adviceOn(
  error: unknown,
  code: string | undefined,
  { host, protocol }: { host: string; protocol?: string },
): ConnectionAdvice {
  const [, advice] = TABLE.find(([codes]) => codes.test(code ?? '')) ?? [];
  if (advice !== undefined) {
    const text = typeof advice === 'string' ? advice : advice(host, error);
    return { text, isFinal: !PASSING_CODES.test(code!) };
  }
  return { text: protocol === 'https:' ? afterHandshake(error, code) : '', isFinal: false };
}

/**
 * The TLS handshake succeeded, but the answer is not HTTP/1.1: probably HTTP/2 frames, or nothing.
 */
function afterHandshake(error: unknown, code: string | undefined): string {
  if (error instanceof Error && error.name === 'HTTPParserError') return NO_HTTP_1;
  const { socket } = error as { socket?: { bytesRead?: unknown } };
  return code === 'UND_ERR_SOCKET' && socket?.bytesRead === 0 ? NO_ANSWER : '';
}

/** Returns how to configure the client certificate that a registry requires. */
export function clientCertificate(host: string): string {
  return `it requires a client certificate: put it and its key into /etc/docker/certs.d/${host} as client.cert and client.key`;
}

function wrongName(error: unknown): string {
  const { cert } = error as { cert?: { subjectaltname?: unknown } };
  const text = typeof cert?.subjectaltname === 'string' ? cert.subjectaltname : '';
  const names = [...text.matchAll(/(?:DNS|IP Address):("[^"]*"|[^,]+)/g)].map(([, name]) => name!.trim());
  if (names.length === 0)
    return ': the registry needs a certificate with its name; --insecure skips the check';
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  return `: use a name in its certificate: ${oneLine(names.slice(0, NAMES_MAX).join(', '))}${more}`;
}
