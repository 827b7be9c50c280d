import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { z } from '@hono/zod-openapi';
import mime from 'mime';
import { LayerslayerError } from '../../base/errors.js';
import { printableName } from '../../base/text/printable-name.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { openFile } from '../../engine/layer.js';
import { uncomparedLayers } from '../../image/opened-image.js';
import { joinPath, missingPathError, resolvePath, splitPath } from '../../overlay/resolve-path.js';
import { requestedRange } from '../answers/byte-range.js';
import { isFresh } from '../answers/etag.js';
import { type ViewedImage, withView } from '../images/with-view.js';
import { type Call, type Headers, type Reply, type Route, route } from '../routing/route.js';
import { IMAGE_PARAMETERS, LAYER_PARAMETER, PATH_PARAMETER } from '../schemas/parameters.js';
import type { ServerState } from '../server-state.js';

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER,
  layer: LAYER_PARAMETER,
  as: z.enum(['raw', 'text']).default('raw'),
});

const BYTES = z.string().openapi({ format: 'binary' });

/** Content of an image never runs as a page. */
const CONTENT_HEADERS: Headers = { 'Content-Security-Policy': "sandbox; default-src 'none'" };

export function fileRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/file',
      summary: 'the bytes of a file',
      query: QUERY,
      answers: {
        200: {
          description: 'all of it',
          content: [{ mediaType: 'application/octet-stream', schema: BYTES }],
        },
        206: { description: 'a part', content: [{ mediaType: 'application/octet-stream', schema: BYTES }] },
      },
      handle: (call) => withView(state, call, (viewed) => answer(viewed, call)),
    }),
  ];
}

function answer({ view }: ViewedImage, call: Call<{ path: string; as: 'raw' | 'text' }>): Reply {
  const { path, as } = call.query;
  const bytes = bytesOfText(path);
  const { tree, byNumber } = view;
  const resolved = resolvePath(tree, splitPath(bytes));
  if (resolved.kind !== 'found') throw missingPathError(resolved, bytes);
  const { inode, names } = resolved;
  if (tree.kind(inode) !== 'file') throw new LayerslayerError('INVALID_ARGUMENT', 'not a regular file');
  const layer = byNumber.get(tree.layerOf(inode))!;
  const row = tree.rowOf(inode);
  const size = tree.size(inode);
  const etag = `"${layer.digest}-${row}-${as}"`;
  const type = as === 'text' ? 'text/plain; charset=utf-8' : mediaType(joinPath(names));
  const headers: Headers = {
    ...CONTENT_HEADERS,
    'Content-Type': type,
    'Content-Disposition': as === 'text' ? 'inline' : attachment(names.at(-1)!),
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    ETag: etag,
    ...(uncomparedLayers(view.layers).length > 0 && { 'Layerslayer-Verified': 'false' }),
  };
  if (isFresh(call.header('if-none-match'), etag)) return { kind: 'empty', status: 304, headers };
  const ifRange = call.header('if-range');
  const wanted = ifRange === undefined || ifRange === etag ? call.header('range') : undefined;
  const part = requestedRange(wanted, size);
  const stream = openFile(layer, row, { ...part, signal: call.signal });
  if (part) {
    const range = { 'Content-Range': `bytes ${part.offset}-${part.offset + part.length - 1}/${size}` };
    return {
      kind: 'bytes',
      status: 206,
      headers: { ...headers, ...range },
      length: part.length,
      bytes: stream,
    };
  }
  const isZipped =
    as === 'text' &&
    /(^|,)\s*gzip\s*(;q=(?!0(\.0*)?\s*(,|$))|,|$)/.test(call.header('accept-encoding') ?? '');
  if (!isZipped) return { kind: 'bytes', headers, length: size, bytes: stream };
  const zipped = { ...headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' };
  return { kind: 'bytes', headers: zipped, length: undefined, bytes: gzipped(stream) };
}

function gzipped(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return pipeline(Readable.from(bytes), createGzip(), () => {}); // a fault ends the iteration too
}

/** Types that browsers don't run: others are bytes. */
function mediaType(path: Uint8Array): string {
  const type = mime.getType(Buffer.from(path).toString('latin1')) ?? '';
  return type.startsWith('text/') ? 'text/plain; charset=utf-8' : 'application/octet-stream';
}

/** The name as a browser saves it. (RFC 6266, RFC 8187) */
function attachment(name: Uint8Array): string {
  const plain = printableName(name).replace(/[^\w.+-]/g, '_');
  const encoded = Array.from(name, (byte) => {
    const letter = String.fromCharCode(byte);
    return /[\w.-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }).join('');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
