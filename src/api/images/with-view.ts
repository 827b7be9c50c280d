import { LayerslayerError } from '../../base/errors.js';
import { chooseLayer } from '../../image/choose-layer.js';
import type { ImageView } from '../../image/opened-image.js';
import { isDigestPrefix } from '../../oci/digest.js';
import { progressRecord } from '../answers/progress-record.js';
import type { Call, Reply } from '../routing/route.js';
import type { ServerState } from '../server-state.js';
import type { IndexPass } from './index-pass.js';
import type { ImageLease } from './served-images.js';

/** How long a request waits for indexes that are being made. */
const WAIT_MS = 30_000;

/** When a client should ask again. */
const RETRY_S = 2;

/** What routes with an image have in their query. */
export interface ImageQuery {
  image: string;
  platform?: string | undefined;
  layer?: string | undefined;
}

/** What routes that need indexes have in their query. */
export interface ViewQuery extends ImageQuery {
  wait?: number | undefined; // seconds
}

/** An open image. */
export interface LeasedImage {
  lease: ImageLease;
  layer: number | undefined; // of `layer`, from 1
}

/** An image and its merged tree, or one layer's own. */
export interface ViewedImage extends LeasedImage {
  view: ImageView;
}

/**
 * Opens the image of a request. It is released when the answer has ended.
 * @throws LayerslayerError as `ServedImages.open`; INVALID_ARGUMENT, NOT_FOUND for its layer
 */
export async function leaseImage(
  { images, rules }: ServerState,
  { query, signal, afterwards }: Call<ImageQuery>,
): Promise<LeasedImage> {
  const lease = await images.open(rules.asked(query.image, query.platform), signal);
  afterwards(() => lease.release());
  const { resolved } = lease.opened;
  return {
    lease,
    layer: query.layer === undefined ? undefined : chooseLayer(resolved, layerWord(query.layer)),
  };
}

/**
 * Answers with an image whose layers are indexed. Starts the pass where they are not, and after a
 * while answers 202 with its progress. One layer's own tree waits for that layer only.
 * @param options.showsAll `layer` of the query chooses no tree
 * @throws LayerslayerError as `leaseImage`, `OpenedImage.view`
 */
export async function withView(
  state: ServerState,
  call: Call<ViewQuery>,
  answer: (viewed: ViewedImage) => Promise<Reply> | Reply,
  { showsAll = false }: { showsAll?: boolean } = {},
): Promise<Reply> {
  const leased = await leaseImage(state, call);
  const { lease, layer } = leased;
  const pass = layer === undefined || showsAll ? lease.pass : lease.layerPass(layer);
  const view = await pass.view(waitMs(call.query), call.signal);
  return view ? await answer({ ...leased, view }) : pendingReply(pass, lease);
}

/** Returns how long a request waits for indexes. */
export function waitMs({ wait }: ViewQuery): number {
  return wait === undefined ? WAIT_MS : wait * 1000;
}

/** 202: the client should ask again. */
export function pendingReply(pass: IndexPass, { opened }: ImageLease): Reply {
  const body = { progress: progressRecord(pass.progress, opened) };
  return { kind: 'json', status: 202, body, headers: { 'Retry-After': String(RETRY_S) } };
}

/** `--layer`: a number, a digest, or the beginning of one. */
export function layerWord(text: string): number | string {
  if (isDigestPrefix(text)) return text;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LayerslayerError('INVALID_ARGUMENT', 'layer is a number from 1, or a digest or its beginning');
}
