import { LayerslayerError } from '../../base/errors.js';
import { type Columns, EntryColumns } from '../../index/entry-columns.js';
import type { Digest } from '../../oci/digest.js';
import type { DigestedLayer } from '../../overlay/open-tree.js';

/** A layer as a message carries it. */
export interface GivenLayer {
  number: number; // from 1
  hidesTableMarkers: boolean | undefined;
  digest: Digest;
  columns: Columns;
  blobSize: number | undefined; // compressed bytes
}

/** @throws LayerslayerError INTERNAL for entries that are no columns */
export function givenLayer({ number, hidesTableMarkers, entries, layer }: DigestedLayer): GivenLayer {
  if (!(entries instanceof EntryColumns)) throw new LayerslayerError('INTERNAL', 'a layer without columns');
  const { columns, footprint } = entries;
  return { number, hidesTableMarkers, digest: layer.digest, columns, blobSize: footprint?.blobSize };
}

/** Returns the layer in the thread that was given it. */
export function layerOf({ number, hidesTableMarkers, digest, columns, blobSize }: GivenLayer) {
  return { number, hidesTableMarkers, layer: { digest }, entries: new EntryColumns(columns, blobSize) };
}
