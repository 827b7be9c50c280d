import { originKey } from '../../index/cached-indexes.js';
import type { OpenedLayer } from '../opened-image.js';
import type { ComparedView } from './comparison.js';

/**
 * Returns a function that tells whether two inodes of two images are the same entry of the same
 * layer. Two indexes of one layer may number its entries differently: rows are compared only if
 * both images use the same index.
 */
export function sameEntries(
  { view: from }: ComparedView,
  { view: to }: ComparedView,
): (inode: number, other: number) => boolean {
  const numbers = new Map<string, number>(); // of each index
  const numberOf = ({ layer: { digest, origin, fingerprint } }: OpenedLayer) => {
    const index = `${digest} ${originKey(origin)} ${fingerprint}`;
    const number = numbers.get(index) ?? numbers.size + 1;
    numbers.set(index, number);
    return number;
  };
  const byLayer = (layers: readonly OpenedLayer[]) => {
    const found: number[] = []; // by the number of the layer
    for (const layer of layers) found[layer.number] = numberOf(layer);
    return found;
  };
  const [some, others] = [byLayer(from.layers), byLayer(to.layers)];
  return (inode, other) => {
    const row = from.tree.rowOf(inode);
    if (row < 0 || row !== to.tree.rowOf(other)) return false;
    return some[from.tree.layerOf(inode)] === others[to.tree.layerOf(other)];
  };
}
