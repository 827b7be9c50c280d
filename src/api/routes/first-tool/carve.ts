import { z } from '@hono/zod-openapi';
import { bytesOfText } from '../../../base/text/raw-text.js';
import { streamFile } from '../../../carve/search/stream-file.js';
import { splitPath } from '../../../overlay/resolve-path.js';
import { attachment, CONTENT_HEADERS, mediaType } from '../../answers/content-headers.js';
import { type Route, route } from '../../routing/route.js';
import { PATH_PARAMETER } from '../../schemas/parameters.js';
import type { ServerState } from '../../server-state.js';
import { lease } from './open-image.js';
import { layerNumber, OLD_FLAG, OLD_IMAGE, OLD_LAYER } from './parameters.js';

const BYTES = z.string().openapi({ format: 'binary' });

const TEXT_TYPE = 'text/plain; charset=utf-8';

/** A file has no other advice here: the routes take no directories. */
const ADVICE = { directory: undefined, special: 'it has no bytes' };

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
        const { opened } = await lease(state, state.rules.asked(image, platform), call);
        const numbers =
          layer === undefined
            ? opened.resolved.manifest.layers.map((_, i) => i + 1)
            : [layerNumber(opened.resolved, layer)];
        const wanted = { text: path, path: splitPath(bytesOfText(path)), advice: ADVICE };
        const where = layer === undefined ? undefined : `layer ${layer} (from 0)`;
        const found = await streamFile(wanted, { image: opened, numbers, where, signal: call.signal });
        call.afterwards(() => found.close());
        const name = found.file.names.at(-1)!;
        return {
          kind: 'bytes',
          headers: {
            ...CONTENT_HEADERS,
            'Content-Type': isText ? TEXT_TYPE : mediaType(name),
            'Content-Disposition': isText ? 'inline' : attachment(name),
            'Cache-Control': 'no-cache',
            ...((found.unverified ?? found.uncompared) && { 'Layerslayer-Verified': 'false' }),
          },
          length: found.file.size,
          bytes: found.bytes,
        };
      },
    }),
  ];
}
