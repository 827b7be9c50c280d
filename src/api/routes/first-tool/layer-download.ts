import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../../base/errors.js';
import { formatOf } from '../../../codec/codecs.js';
import { digestHex, isDigest } from '../../../oci/digest.js';
import { CONTENT_HEADERS } from '../../answers/content-headers.js';
import { type Route, route } from '../../routing/route.js';
import type { ServerState } from '../../server-state.js';
import { lease } from './open-image.js';
import { OLD_IMAGE } from './parameters.js';

const BYTES = z.string().openapi({ format: 'binary' });

/** Media types of the formats that layers come in; others are bytes. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  gzip: 'application/gzip', // RFC 6713
  zstd: 'application/zstd', // RFC 8878, 7.1
  plain: 'application/x-tar',
};

export function layerDownloadRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/layer/download',
      summary: 'the first tool’s download of a layer, as it is in the registry',
      query: z.object({
        ...OLD_IMAGE,
        digest: z
          .string()
          .regex(/^sha256:[0-9a-f]{64}$/, 'want sha256: and 64 hex digits')
          .openapi({ description: 'of one of the image’s layers' }),
      }),
      answers: {
        200: {
          description: 'the blob; what it is decides about the type and the suffix of the name',
          content: [...Object.values(MEDIA_TYPES), 'application/octet-stream'].map((mediaType) => ({
            mediaType,
            schema: BYTES,
          })),
        },
      },
      async handle(call) {
        const { image, platform, digest } = call.query;
        const { session, opened } = await lease(state, state.rules.asked(image, platform), call);
        const { resolved } = opened;
        const number = resolved.manifest.layers.findIndex((layer) => layer.digest === digest) + 1;
        if (!isDigest(digest) || number === 0)
          throw new LayerslayerError('NOT_FOUND', `${resolved.reference} has no layer ${digest}`);
        const blob = await session.readBlob(resolved, number, call.signal);
        const chunks = blob.whole();
        call.afterwards(() => void chunks.return());
        const first = await chunks.next();
        const head = first.done ? new Uint8Array(0) : first.value;
        const { name, suffix } = formatOf(head);
        return {
          kind: 'bytes',
          headers: {
            ...CONTENT_HEADERS,
            'Content-Type': MEDIA_TYPES[name] ?? 'application/octet-stream',
            'Content-Disposition': `attachment; filename="sha256_${digestHex(digest)}${suffix}"`,
            'Cache-Control': 'private, max-age=31536000, immutable',
            'X-Layer-Digest': digest,
          },
          length: blob.size,
          bytes: resumed(head, chunks),
        };
      },
    }),
  ];
}

async function* resumed(
  head: Uint8Array,
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield head;
  yield* chunks;
}
