import type { IncomingMessage } from 'node:http';
import { LayerslayerError } from '../../base/errors.js';
import { HttpFault } from '../answers/http-status.js';
import { nameOf } from './request-origin.js';

/** Characters of a URL: a path of 4,096 bytes, percent-encoded, and all else that a query has. */
const TARGET_LENGTH_MAX = 24 * 1024;

/**
 * Refuses requests that another reader of HTTP could take for something else: two hosts, a URL
 * instead of a path, a body where none belongs. (RFC 9112, 3.2, 11.2)
 * @throws LayerslayerError INVALID_ARGUMENT; HttpFault FORBIDDEN
 */
export function checkForm({ url = '', httpVersionMajor, headers, headersDistinct }: IncomingMessage): void {
  if (httpVersionMajor !== 1) throw invalid('want HTTP/1.1');
  if (!url.startsWith('/')) throw invalid('want a path, not a URL');
  if (url.includes('#')) throw invalid('a fragment is never sent');
  if (url.length > TARGET_LENGTH_MAX) throw invalid(`want at most ${TARGET_LENGTH_MAX} characters of URL`);
  if (headersDistinct.host?.length !== 1) throw invalid('want one Host');
  if (nameOf(headers.host) === undefined) throw new HttpFault('FORBIDDEN', 'want a name, or an address');
  if (!URL.canParse(`http://${headers.host}`)) throw invalid('Host is no name or address, and a port');
  if ((headersDistinct.authorization?.length ?? 0) > 1) throw invalid('want one Authorization');
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers;
  if (coding !== undefined || !/^0+$/.test(length)) throw invalid('requests have no body');
}

function invalid(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}
