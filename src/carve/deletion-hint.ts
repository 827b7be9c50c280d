import { LayerslayerError } from '../base/errors.js';
import type { ImageSession, OperationOptions } from '../engine/image-session.js';
import type { NumberedLayer } from '../overlay/merge.js';
import type { Resolved } from '../overlay/resolve-path.js';
import type { UpperLayers } from '../overlay/upper-layers.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { HiddenHints } from './hidden-paths.js';

/**
 * Compressed bytes of lower layers that the search for a deleted path may read: 1.4 s at 100
 * Mbit/s. The answer itself needs none of them.
 */
const READ_BYTES_MAX = 16 * 1024 * 1024;

/** Layers opened for hints, by how many are below: a thousand paths open them once. */
export type OpenedForHints = Map<number, Promise<readonly NumberedLayer[] | undefined>>;

export interface DeletionHintOptions {
  session: Pick<ImageSession, 'openLayers'>;
  image: ResolvedImage;
  lower: readonly number[]; // layers of the view that are not known
  upper: readonly NumberedLayer[]; // layers that are known, base first
  view: UpperLayers; // of those layers
  hints: HiddenHints;
  opened: OpenedForHints;
  signal?: AbortSignal;
  onProgress?: OperationOptions['onProgress'];
}

/**
 * Returns a hint for a path that an upper layer deletes, undefined if there is none.
 * @param resolved the view's result for the path
 * @throws LayerslayerError the signal's reason
 */
export async function deletionHint(
  path: readonly Uint8Array[],
  resolved: Resolved,
  options: DeletionHintOptions,
): Promise<string | undefined> {
  if (resolved.kind !== 'missing' && resolved.kind !== 'no-directory') return undefined;
  const layers = await allLayers(options);
  if (layers) return options.hints.find(layers, path, resolved);
  if (resolved.kind !== 'missing') return undefined;
  const number = options.view.hiddenBy(resolved);
  return number === undefined ? undefined : `layer ${number} deletes it`;
}

/** Returns all layers of the view, if the unknown ones are small. */
async function allLayers(options: DeletionHintOptions): Promise<readonly NumberedLayer[] | undefined> {
  const { lower, upper, opened } = options;
  const opening = opened.get(lower.length) ?? openLower(options);
  opened.set(lower.length, opening);
  const layers = await opening;
  return layers && [...layers, ...upper];
}

async function openLower(options: DeletionHintOptions): Promise<readonly NumberedLayer[] | undefined> {
  const { session, image, lower, signal, onProgress } = options;
  if (lower.length === 0) return [];
  const bytes = lower.reduce((sum, number) => sum + image.manifest.layers[number - 1]!.size, 0);
  if (bytes > READ_BYTES_MAX) return undefined;
  try {
    const opened = await session.openLayers(image, { only: lower, signal, onProgress });
    return opened.map(({ entries }, i) => ({ entries, number: lower[i]! }));
  } catch (error) {
    signal?.throwIfAborted();
    // The answer is known: an unreadable layer costs only the hint.
    if (error instanceof LayerslayerError) return undefined;
    throw error;
  }
}
