import type { NumberedLayer } from '../../overlay/tree.js';

/** Returns the bytes of file contents in layers, uncompressed. Holes of sparse files are none. */
export function layerBytes(layers: readonly NumberedLayer[]): number {
  let bytes = 0;
  for (const { entries } of layers) {
    for (let row = 0; row < entries.length; row++)
      if (entries.kind(row) === 'file') bytes += entries.storedSize(row);
  }
  return bytes;
}
