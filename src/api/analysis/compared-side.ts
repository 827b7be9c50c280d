import type { Transferred } from '../../base/thread-rpc.js';
import type { TableChunks } from '../../engine/layer.js';
import type { ComparedView } from '../../image/compare/comparison.js';
import type { ImageView } from '../../image/opened-image.js';
import type { IndexOrigin } from '../../index/cached-indexes.js';
import { type TreeColumns, treeOfColumns } from '../../overlay/open-tree.js';
import { type AskedBytes, AskedLayer } from './asked-layer.js';
import { type GivenLayer, layerOf } from './given-layer.js';
import { givenView } from './given-view.js';

/** One side of a comparison, as a message carries it. */
export interface GivenSide {
  name: string; // of the image
  layers: readonly GivenComparedLayer[];
  tree: TreeColumns;
}

/** A layer, and which index it is shown by. */
interface GivenComparedLayer extends GivenLayer {
  origin: IndexOrigin;
  fingerprint: number;
  chunkTable: TableChunks | undefined;
}

/** Bytes that the thread asks the main thread for. */
export interface WantedBytes extends AskedBytes {
  side: 'from' | 'to';
}

/** Answered by the main thread, whose layers have the bytes. */
export interface ComparisonSources {
  /** @throws LayerslayerError as `Layer.read` */
  read(wanted: WantedBytes): Promise<Transferred<Uint8Array>>;
}

/** Returns the side as a message carries it. */
export function givenSide(name: string, view: ImageView): GivenSide {
  const { layers, tree } = givenView(view);
  return {
    name,
    layers: layers.map((given, i) => {
      const { origin, fingerprint, chunkTable } = view.layers[i]!.layer;
      return { ...given, origin, fingerprint, chunkTable };
    }),
    tree,
  };
}

/**
 * Returns the side in the thread that was given it.
 * @param ask asks the main thread for bytes
 */
export function comparedView(
  { name, layers, tree }: GivenSide,
  ask: (bytes: AskedBytes) => Promise<Uint8Array>,
): ComparedView {
  const opened = layers.map((given) => {
    const { number, hidesTableMarkers, entries } = layerOf(given);
    const layer = new AskedLayer(given, entries, { number, chunkTable: given.chunkTable, ask });
    return { number, hidesTableMarkers, entries, layer };
  });
  const byNumber = new Map(opened.map(({ number, layer }) => [number, layer]));
  return { name, view: { layers: opened, byNumber, tree: treeOfColumns(tree, opened) } };
}
