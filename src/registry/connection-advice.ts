import { oneLine } from './one-line.js';

/** What a user can do about a connection that failed. */
export interface ConnectionAdvice {
  text: string; // ends the message
  isFinal: boolean; // the next try would fail the same way
}

/** Names of a certificate that are shown; some have hundreds. */
const NAMES_MAX = 5;

/** By code; a text that needs the host is made from it. The first that matches counts. */
const TABLE: readonly [codes: RegExp, advice: string | ((host: string, error: unknown) => string)][] = [
  // OpenSSL's verification results and Node's own, about the registry's certificate.
  [
    /^CERT_HAS_EXPIRED$/,
    ": renew the registry's certificate (or set this machine's clock, if that is wrong); --insecure does not check it",
  ],
  [
    /^CERT_NOT_YET_VALID$/,
    ": set this machine's clock, or wait until the registry's certificate is valid; --insecure does not check it",
  ],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, (_, error) => wrongName(error)],
  [/^CERT_REVOKED$/, ': the registry needs another certificate'],
  [
    /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_UNTRUSTED$)/,
    ': add its CA to SSL_CERT_FILE or certs.d, or use --insecure',
  ],
  [/^(CERT_|INVALID_CA$)/, ': the registry needs another certificate; --insecure does not check it'],
  [/_TOO_(SMALL|WEAK)$/, ': the registry needs a certificate with a stronger key or signature'],
  // Alerts that a server sends during the handshake, or (TLS 1.3) right after it.
  [/ALERT_CERTIFICATE_REQUIRED$/, (host) => `: ${clientCertificate(host)}`],
  [
    /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/,
    (host) => `: it refuses our client certificate, or ${clientCertificate(host)}`,
  ],
  [
    /ALERT_HANDSHAKE_FAILURE$/,
    (host) => `: it has no TLS version or cipher in common with us, or ${clientCertificate(host)}`,
  ],
  [
    /ALERT_NO_APPLICATION_PROTOCOL$/,
    ': it speaks only HTTP/2, which layerslayer does not: allow HTTP/1.1 there, or put a proxy before it that speaks both',
  ],
  [
    /(ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW)$/,
    ': it speaks only versions of TLS before 1.2, which are not safe: update it',
  ],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/,
    ': it does not speak TLS there; is the port right? --insecure allows plain HTTP',
  ],
  [/^ECONNREFUSED$/, '; nothing listens there: is it running, is the port right?'],
  [/^ENOTFOUND$/, '; there is no such host: is the name right?'],
  [/^EAI_AGAIN$/, '; names cannot be looked up: is the network up?'],
  [/^ENETUNREACH$/, '; is the network up?'],
  [/^UND_ERR_HEADERS_OVERFLOW$/, '; it sends more than 1 MiB of headers'],
  [
    /^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH)$/,
    '; is it reachable from here, is a firewall in between?',
  ],
];
/** They may pass: a server that starts, a network that comes back. */
const PASSING_CODES = /^(ECONNREFUSED|EAI_AGAIN|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH)$/;

const NO_HTTP_1 = '; does it speak only HTTP/2, is the port right?';
const NO_ANSWER =
  '; it ends connections without an answer: does it speak only HTTP/2, or want a client certificate?';

/** @param code of `error`, undefined when it has none */
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

/** The TLS handshake went well, and what came then is no HTTP/1.1: frames of HTTP/2, most likely, or nothing. */
function afterHandshake(error: unknown, code: string | undefined): string {
  if (error instanceof Error && error.name === 'HTTPParserError') return NO_HTTP_1;
  const { socket } = error as { socket?: { bytesRead?: unknown } };
  return code === 'UND_ERR_SOCKET' && socket?.bytesRead === 0 ? NO_ANSWER : '';
}

/** Says how to give a registry the certificate that it asks its clients for. */
export function clientCertificate(host: string): string {
  return `it wants a client certificate: put it and its key into /etc/docker/certs.d/${host} as client.cert and client.key`;
}

function wrongName(error: unknown): string {
  const { cert } = error as { cert?: { subjectaltname?: unknown } };
  const text = typeof cert?.subjectaltname === 'string' ? cert.subjectaltname : '';
  const names = [...text.matchAll(/(?:DNS|IP Address):("[^"]*"|[^,]+)/g)].map(([, name]) => name!.trim());
  if (names.length === 0)
    return ': the registry needs a certificate with its name; --insecure does not check it';
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  return `: use a name that its certificate has: ${oneLine(names.slice(0, NAMES_MAX).join(', '))}${more}`;
}
