import { LayerslayerError } from '../../base/errors.js';
import { fileInTree, type SearchedFile, searchFile } from '../../carve/search/searched-file.js';
import { openFile } from '../../engine/layer.js';
import { type ImageView, uncomparedLayers } from '../../image/opened-image.js';
import type { LeasedImage } from './with-view.js';

/** How long a request waits for a merge, which others may have begun. */
const MERGE_MS = 30_000;

/**
 * Finds the file in the merged tree if all layers are indexed, else by a search of the layers. The
 * search would merge indexed layers on this thread.
 * @throws LayerslayerError as `searchFile`
 */
export async function findFile(
  { lease, layer }: Pick<LeasedImage, 'lease' | 'layer'>,
  path: string,
  signal: AbortSignal,
): Promise<SearchedFile> {
  const { opened } = lease;
  const all = opened.resolved.manifest.layers.map((_, i) => i + 1);
  const numbers = layer === undefined ? all : [layer];
  for (const number of numbers)
    if (!(await opened.cachedLayer(number))) return searchFile(opened, numbers, path, signal);
  const pass = layer === undefined ? lease.pass : lease.layerPass(layer);
  const view = await pass.view(MERGE_MS, signal);
  if (view) return fileOfView(view, path, signal);
  throw new LayerslayerError('TIMED_OUT', 'the layers are still being merged');
}

/** @throws LayerslayerError as `fileInTree` */
function fileOfView(view: ImageView, path: string, signal: AbortSignal): SearchedFile {
  const { tree, byNumber, layers } = view;
  const { inode, names } = fileInTree(tree, path);
  const layer = tree.layerOf(inode);
  const row = tree.rowOf(inode);
  return {
    layer,
    row,
    names,
    size: tree.size(inode),
    isVerified: uncomparedLayers(layers).length === 0,
    read: (part) => openFile(byNumber.get(layer)!, row, { ...part, signal }),
    close: () => {},
  };
}
