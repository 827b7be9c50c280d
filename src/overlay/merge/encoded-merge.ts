import type { Digest } from '../../oci/digest.js';
import type { NumberedLayer } from '../tree.js';
import { encodeTree } from '../tree-codec.js';
import { mergeLayers } from './merge.js';

export { mergeLayers } from './merge.js';

/**
 * Merges layers in this thread.
 * @param layers base first
 * @returns a `MadeTree`
 * @throws LayerslayerError as mergeLayers
 */
export function encodedMerge(layers: readonly (NumberedLayer & { layer: { digest: Digest } })[]) {
  const warnings: string[] = [];
  const tree = mergeLayers(layers, { onWarning: (message) => warnings.push(message) });
  return { tree, warnings, bytes: encodeTree(tree, layers, warnings) };
}
