import type { Transferred } from '../../base/thread-rpc.js';
import { type Layer, rowChunks, type TableChunks } from '../../engine/layer.js';
import type { ComparedView } from '../../image/compare/comparison.js';
import type { ImageView } from '../../image/opened-image.js';
import type { IndexOrigin } from '../../index/cached-indexes.js';
import { type TreeColumns, treeOfColumns } from '../../overlay/open-tree.js';
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

/** Bytes of a file, which the thread asks the main thread for. */
export interface WantedBytes {
  side: 'from' | 'to';
  layer: number;
  row: number;
  offset: number;
  length: number;
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
 * @param read asks the main thread for bytes
 */
export function comparedView(
  { name, layers, tree }: GivenSide,
  read: (wanted: Omit<WantedBytes, 'side'>) => Promise<Uint8Array>,
): ComparedView {
  const opened = layers.map((given) => {
    const { number, hidesTableMarkers, entries } = layerOf(given);
    const { digest, origin, fingerprint, chunkTable } = given;
    const layer: Layer = {
      digest,
      origin,
      fingerprint,
      entries,
      read: (row, offset, length) => read({ layer: number, row, offset, length }),
      fileChunks: (row) => rowChunks(chunkTable, entries, row),
    };
    return { number, hidesTableMarkers, entries, layer };
  });
  const byNumber = new Map(opened.map(({ number, layer }) => [number, layer]));
  return { name, view: { layers: opened, byNumber, tree: treeOfColumns(tree, opened) } };
}
