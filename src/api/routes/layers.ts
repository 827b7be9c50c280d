import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { isDigest } from '../../oci/digest.js';
import { CONTENT_HEADERS } from '../answers/content-headers.js';
import { rangeReply } from '../answers/range-reply.js';
import { leaseImage } from '../images/with-view.js';
import { type Route, route } from '../routing/route.js';
import { IMAGE_PARAMETERS } from '../schemas/parameters.js';
import type { ServerState } from '../server-state.js';

const BYTES = z.string().openapi({ format: 'binary' });

export function layerRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/layers/{digest}',
      summary: 'the blob of a layer. A layer without an index has no parts: a range is answered by all of it',
      query: z.strictObject(IMAGE_PARAMETERS),
      parameters: z.object({ digest: z.string().openapi({ description: 'one of the image’s layers' }) }),
      answers: {
        200: {
          description: 'all of it',
          content: [{ mediaType: 'application/octet-stream', schema: BYTES }],
        },
        206: { description: 'a part', content: [{ mediaType: 'application/octet-stream', schema: BYTES }] },
      },
      async handle(call) {
        const { parameters, signal, header } = call;
        const { digest = '' } = parameters;
        const { lease } = await leaseImage(state, call);
        const { resolved } = lease.opened;
        const number = resolved.manifest.layers.findIndex((layer) => layer.digest === digest) + 1;
        if (!isDigest(digest) || number === 0)
          throw new LayerslayerError('NOT_FOUND', 'the image has no layer of that digest');
        const blob = await lease.session.readBlob(resolved, number, signal);
        const headers = {
          ...CONTENT_HEADERS,
          'Content-Type': 'application/octet-stream',
          'Content-Disposition': 'attachment',
          'Cache-Control': 'private, max-age=31536000, immutable',
          'Docker-Content-Digest': digest,
        };
        const { size, range } = blob;
        const ranged = range ? header : (name: string) => (name === 'range' ? undefined : header(name));
        const read = (part: { offset: number; length: number } | undefined) =>
          part && range ? range(part.offset, part.length) : blob.whole();
        const reply = rangeReply({ size, headers, etag: `"${digest}"`, read }, ranged);
        if (range || !('headers' in reply)) return reply;
        return { ...reply, headers: { ...reply.headers, 'Accept-Ranges': 'none' } };
      },
    }),
  ];
}
