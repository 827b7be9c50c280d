import { LayerslayerError } from '../../base/errors.js';
import { chooseLayer } from '../../image/choose-layer.js';
import type { ImageView } from '../../image/opened-image.js';
import { isDigestPrefix } from '../../oci/digest.js';
import { progressRecord } from '../answers/progress-record.js';
import type { Call, Reply } from '../routing/route.js';
import type { ServerState } from '../server-state.js';
import type { ImageLease } from './served-images.js';

/** How long a request waits for indexes that are being made. */
const WAIT_MS = 30_000;

/** When a client should ask again. */
const RETRY_S = 2;

/** What routes that need indexes have in their query. */
export interface ViewQuery {
  image: string;
  platform?: string | undefined;
  layer?: string | undefined;
  wait?: number | undefined; // seconds
}

/** An image and its merged tree, or one layer's own. */
export interface ViewedImage {
  lease: ImageLease;
  view: ImageView;
  layer: number | undefined; // of `layer`
}

/**
 * Answers with an image whose layers are indexed. Starts the pass where they are not, and after a
 * while answers 202 with its progress. The image is released when the answer is made, or when its
 * stream ends.
 * @throws LayerslayerError as `ServedImages.open`, `OpenedImage.view`
 */
export async function withView(
  { images, rules }: ServerState,
  { query, signal }: Call<ViewQuery>,
  answer: (viewed: ViewedImage) => Promise<Reply> | Reply,
): Promise<Reply> {
  const lease = await images.open(rules.asked(query.image, query.platform), signal);
  let isStreaming = false;
  try {
    const { resolved } = lease.opened;
    const layer = query.layer === undefined ? undefined : chooseLayer(resolved, layerWord(query.layer));
    const waitMs = query.wait === undefined ? WAIT_MS : query.wait * 1000;
    const merged = await lease.pass.view(waitMs, signal);
    if (!merged) {
      const body = { progress: progressRecord(lease.pass.progress, lease.opened) };
      return { kind: 'json', status: 202, body, headers: { 'Retry-After': String(RETRY_S) } };
    }
    const view = layer === undefined ? merged : await lease.opened.view({ only: [layer], signal });
    const reply = await answer({ lease, view, layer });
    isStreaming = reply.kind === 'lines' || reply.kind === 'bytes';
    return isStreaming ? releasing(reply, () => lease.release()) : reply;
  } finally {
    if (!isStreaming) lease.release();
  }
}

/** `--layer`: a number, a digest, or the beginning of one. */
function layerWord(text: string): number | string {
  if (isDigestPrefix(text)) return text;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LayerslayerError('INVALID_ARGUMENT', 'layer is a number from 1, or a digest or its beginning');
}

/** Returns the reply with `release` called at the end of its stream. */
export function releasing(reply: Reply, release: () => void): Reply {
  if (reply.kind === 'lines') return { ...reply, lines: untilEnd(reply.lines, release) };
  if (reply.kind === 'bytes') return { ...reply, bytes: untilEnd(reply.bytes, release) };
  return reply;
}

async function* untilEnd<T>(items: AsyncIterable<T> | Iterable<T>, release: () => void): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    release();
  }
}
