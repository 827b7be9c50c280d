import mime from 'mime';
import { printableName } from '../../base/text/printable-name.js';
import type { Headers } from '../routing/route.js';

/** Content of an image is not a page of ours: a browser must run nothing of it. */
export const CONTENT_HEADERS: Headers = { 'Content-Security-Policy': "sandbox; default-src 'none'" };

/** `Content-Disposition` with the name as a browser saves it. (RFC 6266, RFC 8187) */
export function attachment(name: Uint8Array): string {
  const plain = printableName(name).replace(/[^\w.+-]/g, '_');
  const encoded = Array.from(name, (byte) => {
    const letter = String.fromCharCode(byte);
    return /[\w.-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }).join('');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** Returns a type that browsers don't run: anything but text is bytes. */
export function mediaType(path: Uint8Array): string {
  const type = mime.getType(Buffer.from(path).toString('latin1')) ?? '';
  return type.startsWith('text/') ? 'text/plain; charset=utf-8' : 'application/octet-stream';
}
