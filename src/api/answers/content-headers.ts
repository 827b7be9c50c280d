import { z } from '@hono/zod-openapi';
import mime from 'mime';
import type { AnswerContent, Headers } from '../routing/route.js';

/** Content of an image never runs as a page. */
export const CONTENT_HEADERS: Headers = { 'Content-Security-Policy': "sandbox; default-src 'none'" };

/** Returns a type that browsers don't run: anything but text is bytes. */
export function mediaType(path: Uint8Array): string {
  const type = mime.getType(Buffer.from(path).toString('latin1')) ?? '';
  return type.startsWith('text/') ? 'text/plain; charset=utf-8' : 'application/octet-stream';
}

const BYTES = z.string().openapi({ format: 'binary' });

/** The types that `mediaType` returns, for declarations. */
export const CONTENT_TYPES: readonly AnswerContent[] = ['application/octet-stream', 'text/plain'].map(
  (type) => ({ mediaType: type, schema: BYTES }),
);
