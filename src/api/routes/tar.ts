import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { Turns } from '../../base/tasks/turns.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { TarStream } from '../../carve/output/tar-stream.js';
import { TreeCarver } from '../../carve/tree-carver.js';
import type { ImageView } from '../../image/opened-image.js';
import { askedPath, missingPathError, resolvePath } from '../../overlay/resolve-path.js';
import { attachment } from '../answers/attachment.js';
import { ByteQueue } from '../answers/byte-queue.js';
import { CONTENT_HEADERS } from '../answers/content-headers.js';
import { type ViewedImage, withView } from '../images/with-view.js';
import { type Call, type Reply, type Route, route } from '../routing/route.js';
import { IMAGE_PARAMETERS, LAYER_PARAMETER, PATH_PARAMETER, WAIT_PARAMETER } from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import type { ServerState } from '../server-state.js';

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER.default('/'),
  layer: LAYER_PARAMETER,
  wait: WAIT_PARAMETER,
});

const BYTES = z.string().openapi({ format: 'binary' });

export function tarRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/tar',
      summary: 'a file, or a directory with all below it, as a tar',
      query: QUERY,
      answers: {
        200: { description: 'the tar', content: [{ mediaType: 'application/x-tar', schema: BYTES }] },
        202: {
          description: 'not indexed yet',
          content: [{ mediaType: 'application/json', schema: PENDING }],
        },
      },
      handle: (call) => withView(state, call, (viewed) => answer(viewed, call)),
    }),
  ];
}

/** @throws LayerslayerError NOT_FOUND */
function answer({ view }: ViewedImage, { query, signal }: Call<z.output<typeof QUERY>>): Reply {
  const bytes = bytesOfText(query.path);
  const resolved = resolvePath(view.tree, askedPath(bytes));
  if (resolved.kind !== 'found') throw missingPathError(resolved, bytes);
  const { inode, names } = resolved;
  const name = names.at(-1);
  return {
    kind: 'bytes',
    headers: {
      ...CONTENT_HEADERS,
      'Content-Type': 'application/x-tar',
      'Content-Disposition': attachment(Buffer.concat([name ?? Buffer.from('rootfs'), Buffer.from('.tar')])),
      'Cache-Control': 'no-cache',
    },
    length: undefined,
    bytes: tarBytes(view, { inode, name }, signal),
  };
}

/**
 * Yields the tar. A file that can't be read ends it short: a client must not take it for whole.
 * @throws LayerslayerError as `TreeCarver.carve`; the signal's reason
 */
async function* tarBytes(
  view: ImageView,
  { inode, name }: { inode: number; name: Uint8Array | undefined },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ended = new AbortController();
  const ends = AbortSignal.any([signal, ended.signal]);
  const queue = new ByteQueue(ends);
  const turns = new Turns(ends);
  const tar = new TarStream((part) => queue.write(part));
  const carver = new TreeCarver({
    tree: view.tree,
    layers: view.byNumber,
    target: tar,
    failed(error) {
      throw error;
    },
    settled: () => queue.drained() ?? turns.due(),
    signal: ends,
  });
  const carving = carver.carve(inode, name ? [name] : []).then(() => tar.end());
  carving.then(
    () => queue.end(undefined),
    (error) => queue.end(error),
  );
  try {
    yield* queue.chunks();
  } finally {
    ended.abort(new LayerslayerError('ABORTED', 'the client went away'));
  }
}
