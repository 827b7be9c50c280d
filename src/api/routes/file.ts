import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { z } from '@hono/zod-openapi';
import type { SearchedFile } from '../../carve/search/searched-file.js';
import { attachment } from '../answers/attachment.js';
import { CONTENT_HEADERS, CONTENT_TYPES, mediaType } from '../answers/content-headers.js';
import { type RangedContent, rangeReply } from '../answers/range-reply.js';
import { findFile } from '../images/find-file.js';
import { type LeasedImage, leaseImage } from '../images/with-view.js';
import { type Call, type Chunks, type Reply, type Route, route } from '../routing/route.js';
import { IMAGE_PARAMETERS, LAYER_PARAMETER, PATH_PARAMETER } from '../schemas/parameters.js';
import type { ServerState } from '../server-state.js';

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER,
  layer: LAYER_PARAMETER,
  as: z.enum(['raw', 'text']).default('raw').openapi({ description: 'text: as a browser can show it' }),
});

type FileQuery = z.output<typeof QUERY>;

export function fileRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/file',
      summary:
        'the bytes of a file. Waits for no index: of layers without one, `Layerslayer-Verified: false`',
      query: QUERY,
      answers: {
        200: { description: 'all of it', content: CONTENT_TYPES },
        206: { description: 'a part', content: CONTENT_TYPES },
      },
      async handle(call) {
        const leased = await leaseImage(state, call);
        const found = await findFile(leased, call.query.path, call.signal);
        call.afterwards(found.close);
        return answer(found, leased, call);
      },
    }),
  ];
}

function answer(file: SearchedFile, { lease }: LeasedImage, call: Call<FileQuery>): Reply {
  const { isVerified, size, names } = file;
  const { digest } = lease.opened.resolved.manifest.layers[file.layer - 1]!;
  const { as } = call.query;
  const isText = as === 'text';
  const content: RangedContent = {
    size,
    headers: {
      ...CONTENT_HEADERS,
      'Content-Type': isText ? 'text/plain; charset=utf-8' : mediaType(names.at(-1)!),
      'Content-Disposition': isText ? 'inline' : attachment(names.at(-1)!),
      'Cache-Control': 'no-cache',
      ...(!isVerified && { 'Layerslayer-Verified': 'false' }),
    },
    etag: isVerified ? `"${digest}-${file.row}-${as}"` : undefined,
    read: (part) => file.read(part ?? { offset: 0, length: size }),
  };
  const reply = rangeReply(content, call.header);
  const isWhole = reply.kind === 'bytes' && reply.status === undefined;
  if (!isText || !isWhole || !acceptsGzip(call.header('accept-encoding'))) return reply;
  const headers = { ...reply.headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' };
  // Other bytes: a range of them is no range of the file. (RFC 9110, 8.8.3)
  const tagged = content.etag === undefined ? headers : { ...headers, ETag: `W/${content.etag}` };
  return { kind: 'bytes', headers: tagged, length: undefined, bytes: gzipped(reply.bytes) };
}

function acceptsGzip(accepted = ''): boolean {
  return /(^|,)\s*gzip\s*(;q=(?!0(\.0*)?\s*(,|$))|,|$)/.test(accepted);
}

/** Reads nothing before the first chunk is asked for: HEAD asks for none. */
async function* gzipped(bytes: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pipeline(Readable.from(bytes), createGzip(), () => {}); // a fault ends the iteration too
}
