import mime from 'mime';
import type { Headers } from '../routing/route.js';

/** Content of an image never runs as a page. */
export const CONTENT_HEADERS: Headers = { 'Content-Security-Policy': "sandbox; default-src 'none'" };

/** Returns a type that browsers don't run: anything but text is bytes. */
export function mediaType(path: Uint8Array): string {
  const type = mime.getType(Buffer.from(path).toString('latin1')) ?? '';
  return type.startsWith('text/') ? 'text/plain; charset=utf-8' : 'application/octet-stream';
}
