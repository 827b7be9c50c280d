import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { Turns } from '../../base/tasks/turns.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import type { ImageView } from '../../image/opened-image.js';
import { missingPathError, resolvePath, splitPath } from '../../overlay/resolve-path.js';
import { HIDDEN_ROOT, type HiddenColumns, hiddenNodeAt, NO_NODE } from '../analysis/hidden-columns.js';
import { hiddenPath } from '../analysis/hidden-path.js';
import type { TreeSums } from '../analysis/tree-sums.js';
import { acceptedForm } from '../answers/accepted-form.js';
import { walkedRecord } from '../answers/entries.js';
import { leaseImage, pendingReply, type ViewedImage, waitMs, withView } from '../images/with-view.js';
import type { ListedDirectory } from '../listing/directory-rows.js';
import { layerStream } from '../listing/layer-stream.js';
import { ListingWalk } from '../listing/listing-walk.js';
import { type Call, JsonText, type Reply, type Route, route } from '../routing/route.js';
import { LISTED_ENTRY, TREE_PAGE } from '../schemas/entry.js';
import {
  FLAG_PARAMETER,
  IMAGE_PARAMETERS,
  LAYER_PARAMETER,
  numberParameter,
  PATH_PARAMETER,
  SORT_PARAMETER,
  WAIT_PARAMETER,
} from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import type { ServerState } from '../server-state.js';

/** Entries of a page. */
const LIMIT_MAX = 10_000;

const DEPTH_MAX = 4_096;

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER.default('/'),
  depth: numberParameter(1, DEPTH_MAX).default(1),
  layer: LAYER_PARAMETER,
  deleted: FLAG_PARAMETER.openapi({
    description: 'also what upper layers hide; with layer: also what that layer hides',
  }),
  sort: SORT_PARAMETER.openapi({ description: 'size, the largest first, needs depth=1' }),
  after: z.string().max(32_768).optional().openapi({ description: '`next` of the page before' }),
  limit: numberParameter(1, LIMIT_MAX).default(1_000).openapi({ description: 'entries of a page' }),
  wait: WAIT_PARAMETER,
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
      async handle(call) {
        const form = acceptedForm(call.header('accept'));
        checkQuery(call.query);
        if (call.query.layer !== undefined && call.query.deleted)
          return withLayerAndLower(state, call, (viewed) => answer(state, viewed, call, form));
        const stream = form === 'lines' && (await streamReply(state, call));
        return (
          stream ||
          withView(state, call, (viewed) => answer(state, { ...viewed, own: viewed.view }, call, form))
        );
      },
    }),
  ];
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function checkQuery({ sort, depth }: TreeQuery): void {
  if (sort === 'size' && depth > 1) throw new LayerslayerError('INVALID_ARGUMENT', 'sort=size needs depth=1');
}

/** An image whose tree is listed. */
interface ListedImage extends ViewedImage {
  own: ImageView; // as it was opened: the key of its facts
}

/** By a layer's own view: the same tree, with the layers below it. */
const withLower = new WeakMap<ImageView, ImageView>();

/** Answers with a layer's own tree and with the layers below it, from which it hides entries. */
function withLayerAndLower(
  state: ServerState,
  call: Call<TreeQuery>,
  reply: (listed: ListedImage) => Promise<Reply>,
): Promise<Reply> {
  const answerWith = async (viewed: ViewedImage) => {
    const { lease, view, layer } = viewed;
    const pass = lease.layerPass(layer!);
    const own = await pass.view(waitMs(call.query), call.signal);
    if (!own) return pendingReply(pass, lease);
    const listed = withLower.get(own) ?? { ...view, tree: own.tree, files: () => own.files() };
    withLower.set(own, listed);
    return reply({ ...viewed, view: listed, own });
  };
  return withView(state, call, answerWith, { showsAll: true });
}

/**
 * Returns the listing of one layer as its pass finds it.
 * @returns undefined if the layer has an index, or the listing needs one
 */
async function streamReply(state: ServerState, call: Call<TreeQuery>): Promise<Reply | undefined> {
  const { query, signal } = call;
  if (query.layer === undefined || query.sort === 'size' || query.after !== undefined) return undefined;
  const { lease, layer } = await leaseImage(state, call);
  if (layer === undefined || (await lease.opened.cachedLayer(layer))) return undefined;
  const path = bytesOfText(query.path);
  return {
    kind: 'lines',
    headers: { 'Layerslayer-Order': 'archive', 'Layerslayer-Verified': 'false' },
    lines: layerStream({ lease, layer, path, depth: query.depth, signal }),
  };
}

/** A listing that is under way. */
interface Listing {
  viewed: ListedImage;
  walk: ListingWalk;
  hidden: HiddenColumns | undefined;
  sums: TreeSums;
}

async function answer(
  state: ServerState,
  viewed: ListedImage,
  call: Call<TreeQuery>,
  form: 'page' | 'lines',
): Promise<Reply> {
  const { query, signal } = call;
  const listing = await listingOf(state, viewed, query, signal);
  if (form === 'lines') return { kind: 'lines', lines: lines(listing, signal) };
  const { digest } = viewed.lease.opened.resolved;
  const entries: string[] = []; // as JSON: of all at once it would take 20 ms
  let place: number[] = []; // of the last entry
  for await (const entry of lines(listing, signal)) {
    if (entries.length === query.limit) return page(digest, entries, placeText(digest, query, place));
    entries.push(JSON.stringify(entry));
    if (entries.length === query.limit) place = listing.walk.place;
  }
  return page(digest, entries);
}

/** @param entries as JSON */
function page(digest: string, entries: readonly string[], next?: string): Reply {
  const fields = [
    `"digest":${JSON.stringify(digest)}`,
    `"entries":[${entries.join()}]`,
    ...(next === undefined ? [] : [`"next":${JSON.stringify(next)}`]),
  ];
  return { kind: 'json', body: new JsonText(`{${fields.join()}}`) };
}

/** @throws LayerslayerError NOT_FOUND, INVALID_ARGUMENT; as `ViewFacts` */
async function listingOf(
  { facts }: ServerState,
  viewed: ListedImage,
  query: TreeQuery,
  signal: AbortSignal,
): Promise<Listing> {
  const { view, own, layer } = viewed;
  const { digest } = viewed.lease.opened.resolved;
  const after = query.after === undefined ? [] : placeOf(query.after, digest, query);
  const wanted = () =>
    layer === undefined ? facts.hidden(view, signal) : facts.hiddenByLayer(view, layer, signal);
  const hidden = query.deleted ? await wanted() : undefined;
  const start = directoryAt(viewed, hidden, bytesOfText(query.path));
  const sums = await facts.sums(own, signal);
  const tables = new Map(view.layers.map(({ number, entries }) => [number, entries]));
  const walk = new ListingWalk({
    view: { tree: view.tree, tables, hidden, sums },
    owner: view,
    depth: query.depth,
    order: query.sort,
    signal,
  });
  await walk.start(start.directory, start.names, after);
  return { viewed, walk, hidden, sums };
}

/** @throws LayerslayerError NOT_FOUND, INVALID_ARGUMENT */
function directoryAt(
  { view }: ViewedImage,
  hidden: HiddenColumns | undefined,
  path: Uint8Array,
): { directory: ListedDirectory; names: readonly Uint8Array[] } {
  const { tree } = view;
  const names = splitPath(path);
  const resolved = resolvePath(tree, names);
  if (resolved.kind === 'found' && tree.kind(resolved.inode) === 'dir') {
    const node = hidden ? hiddenNodeAt(hidden, resolved.names) : NO_NODE;
    return { directory: { inode: resolved.inode, node }, names: resolved.names };
  }
  const gone = hidden && hiddenPath(view, hidden, names);
  if (gone && gone.node !== HIDDEN_ROOT) {
    if (gone.isDirectory) return { directory: { inode: 0, node: gone.node }, names: gone.names };
    throw notDirectory();
  }
  if (resolved.kind === 'found') throw notDirectory();
  throw missingPathError(resolved, path);
}

function notDirectory(): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', 'path is no directory');
}

async function* lines({ viewed, walk, hidden, sums }: Listing, signal: AbortSignal): AsyncGenerator<object> {
  const turns = new Turns(signal);
  for (let row = await walk.next(); row; row = await walk.next()) {
    yield walkedRecord(viewed.view, row, { hidden, sums, layer: viewed.layer });
    const turn = turns.due();
    if (turn) await turn;
  }
}

/** `after` is for one image and one order: in another one its place is another entry. */
function placeText(digest: string, query: TreeQuery, place: readonly number[]): string {
  return Buffer.from(`${digest} ${orderText(query)} ${place.join('.')}`).toString('base64url');
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function placeOf(after: string, digest: string, query: TreeQuery): number[] {
  const [of, order, place = ''] = Buffer.from(after, 'base64url').toString('latin1').split(' ');
  const isPlace = /^\d{1,9}(\.\d{1,9})*$/.test(place);
  if (of === digest && order === orderText(query) && isPlace) return place.split('.').map(Number);
  const why = 'after is of another image or order: begin with the first page';
  throw new LayerslayerError('INVALID_ARGUMENT', why);
}

function orderText({ sort, deleted, depth, layer = '' }: TreeQuery): string {
  return [sort, deleted ? 'deleted' : 'live', depth, layer].join('/');
}
