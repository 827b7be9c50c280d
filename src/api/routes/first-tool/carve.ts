import { z } from '@hono/zod-openapi';
import { attachment } from '../../answers/attachment.js';
import { CONTENT_HEADERS, mediaType } from '../../answers/content-headers.js';
import { findFile } from '../../images/find-file.js';
import { type Route, route } from '../../routing/route.js';
import { PATH_PARAMETER } from '../../schemas/parameters.js';
import type { ServerState } from '../../server-state.js';
import { lease } from './open-image.js';
import { layerNumber, OLD_FLAG, OLD_IMAGE, OLD_LAYER } from './parameters.js';

const BYTES = z.string().openapi({ format: 'binary' });

const TEXT_TYPE = 'text/plain; charset=utf-8';

export function carveRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/carve',
      summary: 'the first tool’s extraction of a file, in as few bytes of its layer as possible',
      query: z.object({
        ...OLD_IMAGE,
        path: PATH_PARAMETER,
        layer: OLD_LAYER.optional(),
        as_text: OLD_FLAG,
      }),
      answers: {
        200: {
          description: 'the bytes; as text with as_text. `Layerslayer-Verified: false` without a digest',
          content: [
            { mediaType: 'application/octet-stream', schema: BYTES },
            { mediaType: 'text/plain', schema: z.string() },
          ],
        },
      },
      async handle(call) {
        const { image, platform, path, layer, as_text: isText } = call.query;
        const leased = await lease(state, state.rules.asked(image, platform), call);
        const number = layer === undefined ? undefined : layerNumber(leased.opened.resolved, layer);
        const found = await findFile({ lease: leased, layer: number }, path, call.signal);
        call.afterwards(found.close);
        const name = found.names.at(-1)!;
        return {
          kind: 'bytes',
          headers: {
            ...CONTENT_HEADERS,
            'Content-Type': isText ? TEXT_TYPE : mediaType(name),
            'Content-Disposition': isText ? 'inline' : attachment(name),
            'Cache-Control': 'no-cache',
            ...(!found.isVerified && { 'Layerslayer-Verified': 'false' }),
          },
          length: found.size,
          bytes: found.read({ offset: 0, length: found.size }),
        };
      },
    }),
  ];
}
