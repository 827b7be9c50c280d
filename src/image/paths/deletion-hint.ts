import { LayerslayerError } from '../../base/errors.js';
import type { OperationOptions } from '../../engine/image-session.js';
import { hasPath, type Resolved } from '../../overlay/resolve-path.js';
import type { NumberedLayer } from '../../overlay/tree.js';
import { UpperLayers } from '../../overlay/upper-layers/upper-layers.js';
import type { OpenedImage } from '../opened-image.js';

/** Maximum paths to find hints for: each is looked up in a view for every layer. */
const HINTS_MAX = 10;

/**
 * Compressed bytes of lower layers that the search for a deleted path may read: 1.4 s at 100
 * Mbit/s. The answer itself needs none of them.
 */
const READ_BYTES_MAX = 16 * 1024 * 1024;

/** What a search knows when it finds that a path is missing. */
export interface SearchedLayers extends OperationOptions {
  image: Pick<OpenedImage, 'resolved' | 'layers'>;
  lower: readonly number[]; // layers of the view that are not known
  upper: readonly NumberedLayer[]; // layers that are known, base first
  view: UpperLayers; // of those layers
}

/** Finds hints for missing paths: `layer 2 has it, layer 4 deletes it: --layer 2`. */
export class DeletionHints {
  #given = 0;
  /** Lower layers opened for hints, by their number: a thousand paths open them once. */
  readonly #opened = new Map<number, Promise<readonly NumberedLayer[] | undefined>>();

  /**
   * Returns a hint for a path, or for the path that its symlinks lead to.
   * @param layers all layers of the view, base first
   * @param resolved result in the merged tree, if symlinks were followed
   */
  find(
    layers: readonly NumberedLayer[],
    path: readonly Uint8Array[],
    resolved?: Resolved,
  ): string | undefined {
    if (resolved?.kind === 'found' || resolved?.kind === 'loop' || this.#given++ >= HINTS_MAX)
      return undefined;
    let hidden = findHidden(layers, path);
    if (!hidden && resolved?.kind === 'missing' && resolved.isLinked)
      hidden = findHidden(layers, [...resolved.names, resolved.name, ...resolved.rest]);
    if (!hidden) return undefined;
    const { layer, deletedBy } = hidden;
    return `layer ${layer} has it, layer ${deletedBy} deletes it: --layer ${layer}`;
  }

  /**
   * As `find`, before all layers are known. Opens the others if they are small.
   * @param resolved the view's result for the path
   * @throws LayerslayerError the signal's reason
   */
  async search(
    path: readonly Uint8Array[],
    resolved: Resolved,
    searched: SearchedLayers,
  ): Promise<string | undefined> {
    if (resolved.kind !== 'missing' && resolved.kind !== 'no-directory') return undefined;
    const { lower, upper, view } = searched;
    const opening = this.#opened.get(lower.length) ?? openLower(searched);
    this.#opened.set(lower.length, opening);
    const layers = await opening;
    if (layers) return this.find([...layers, ...upper], path, resolved);
    const number = resolved.kind === 'missing' ? view.hiddenBy(resolved) : undefined;
    return number === undefined ? undefined : `layer ${number} deletes it`;
  }
}

async function openLower(searched: SearchedLayers): Promise<readonly NumberedLayer[] | undefined> {
  const { image, lower, signal, onProgress } = searched;
  if (lower.length === 0) return [];
  const bytes = lower.reduce((sum, number) => sum + image.resolved.manifest.layers[number - 1]!.size, 0);
  if (bytes > READ_BYTES_MAX) return undefined;
  try {
    return await image.layers({ only: lower, signal, onProgress });
  } catch (error) {
    signal?.throwIfAborted();
    // The answer is known: an unreadable layer costs only the hint.
    if (error instanceof LayerslayerError) return undefined;
    throw error;
  }
}

/**
 * Finds the topmost layer that has a path by itself, as `--layer` shows it, and the upper layer
 * that removes it.
 * @param layers all layers of the view, base first
 * @param path missing in the merged tree
 * @throws LayerslayerError UNSUPPORTED as mergeLayers
 */
export function findHidden(
  layers: readonly NumberedLayer[],
  path: readonly Uint8Array[],
): { layer: number; deletedBy: number } | undefined {
  const shows = (from: number, to: number) =>
    hasPath(new UpperLayers(layers.slice(from, to + 1), true), path);
  for (let at = layers.length - 2; at >= 0; at--) {
    if (!shows(at, at)) continue;
    // No upper layer has it, so it exists from here until a layer deletes it.
    const by = layers.findIndex((_, to) => to > at && !shows(at, to));
    return by === -1 ? undefined : { layer: layers[at]!.number, deletedBy: layers[by]!.number };
  }
  return undefined;
}
