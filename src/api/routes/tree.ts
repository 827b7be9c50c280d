import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import type { ImageView } from '../../image/opened-image.js';
import { missingPathError, resolvePath, splitPath } from '../../overlay/resolve-path.js';
import { PagedWalk } from '../../overlay/walk/paged-walk.js';
import type { TreeStep } from '../../overlay/walk/walk-tree.js';
import { liveRecord } from '../answers/entries.js';
import { HttpFault } from '../answers/http-status.js';
import { type ViewedImage, withView } from '../images/with-view.js';
import { type Call, type Reply, type Route, route } from '../routing/route.js';
import { LISTED_ENTRY, TREE_PAGE } from '../schemas/entry.js';
import { IMAGE_PARAMETERS, LAYER_PARAMETER, numberParameter, PATH_PARAMETER } from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import type { ServerState } from '../server-state.js';

/** Entries of a page. */
const LIMIT_MAX = 10_000;

const DEPTH_MAX = 4_096;

/** Entries between two turns of the event loop: other requests go on. */
const ENTRIES_AT_ONCE = 500;

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER.default('/'),
  depth: numberParameter(1, DEPTH_MAX).default(1),
  layer: LAYER_PARAMETER,
  after: z.string().max(32_768).optional().openapi({ description: '`next` of the page before' }),
  limit: numberParameter(1, LIMIT_MAX).default(1_000),
  wait: numberParameter(0, 30).optional(),
});

type TreeQuery = z.output<typeof QUERY>;

export function treeRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/tree',
      summary: 'a directory of the merged tree, and what is below it',
      query: QUERY,
      answers: {
        200: {
          description: 'entries: a page, or all of them as lines',
          content: [
            { mediaType: 'application/json', schema: TREE_PAGE },
            { mediaType: 'application/x-ndjson', schema: LISTED_ENTRY },
          ],
        },
        202: {
          description: 'not indexed yet',
          content: [{ mediaType: 'application/json', schema: PENDING }],
        },
      },
      handle(call) {
        const form = acceptedForm(call.header('accept'));
        return withView(state, call, (viewed) => answer(viewed, call, form));
      },
    }),
  ];
}

function answer(
  { view, lease }: ViewedImage,
  { query, signal }: Call<TreeQuery>,
  form: 'page' | 'lines',
): Reply {
  const { digest } = lease.opened.resolved;
  const walk = walkAt(view, digest, query);
  if (form === 'lines') return { kind: 'lines', lines: lines(view, walk, signal) };
  const entries: unknown[] = [];
  let step: TreeStep | undefined;
  while (entries.length < query.limit) {
    step = walk.next();
    if (!step) break;
    entries.push(liveRecord(view, step.inode, step.names));
  }
  const next = step && `${digest}-${walk.place.join('.')}`;
  return { kind: 'json', body: { digest, entries, ...(next !== undefined && { next }) } };
}

/** @throws LayerslayerError NOT_FOUND, INVALID_ARGUMENT */
function walkAt({ tree }: ImageView, digest: string, { path, depth, after }: TreeQuery): PagedWalk {
  const bytes = bytesOfText(path);
  const resolved = resolvePath(tree, splitPath(bytes));
  if (resolved.kind !== 'found') throw missingPathError(resolved, bytes);
  if (tree.kind(resolved.inode) !== 'dir')
    throw new LayerslayerError('INVALID_ARGUMENT', 'path is no directory');
  if (after === undefined) return new PagedWalk(tree, resolved, depth);
  const [, of, place] = /^(sha256:[0-9a-f]{64})-(\d+(?:\.\d+)*)$/.exec(after) ?? [];
  if (of !== digest || place === undefined)
    throw new LayerslayerError('INVALID_ARGUMENT', 'after is from another image: begin with the first page');
  return new PagedWalk(tree, resolved, depth, place.split('.').map(Number));
}

async function* lines(view: ImageView, walk: PagedWalk, signal: AbortSignal): AsyncGenerator<object> {
  let count = 0;
  for (let step = walk.next(); step; step = walk.next()) {
    yield liveRecord(view, step.inode, step.names);
    if (++count % ENTRIES_AT_ONCE > 0) continue;
    await nextTurn();
    signal.throwIfAborted();
  }
}

/** @throws HttpFault NOT_ACCEPTABLE */
function acceptedForm(accept = '*/*'): 'page' | 'lines' {
  const types = accept.split(',').map((type) => type.split(';')[0]!.trim());
  if (types.some((type) => ['application/json', '*/*', 'application/*'].includes(type))) return 'page';
  if (types.includes('application/x-ndjson')) return 'lines';
  throw new HttpFault('NOT_ACCEPTABLE', 'want application/json or application/x-ndjson');
}
