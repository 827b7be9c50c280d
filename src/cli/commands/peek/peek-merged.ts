import { LayerslayerError } from '../../../base/errors.js';
import type { ImageView } from '../../../image/opened-image.js';
import { forEachHidden } from '../../../overlay/history/hidden-entries.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { type NumberedLayer, ROOT_INODE } from '../../../overlay/tree.js';
import { walkTree } from '../../../overlay/walk/walk-tree.js';
import { shownEntry } from '../../terminal/entry-lines.js';
import { doubtOf } from '../../terminal/uncompared.js';
import { type PeekJob, seePaths } from './peek-layers.js';

/** Above the numbers of layers, right-aligned. */
const LAYER_HEADING = 'LAYER';

/** Lines written at once; then the reader may catch up. */
const LINES_AT_ONCE = 1000;

/**
 * Lists the merged tree, each entry with the number of its layer.
 * @returns the layers of the tree, base first
 */
export async function peekMerged(job: PeekJob): Promise<readonly NumberedLayer[]> {
  const { listing, signal } = job;
  const { layers, tree } = await openAll(job);
  const doubt = doubtOf(layers);
  listing.columns(`${LAYER_HEADING} `);
  let lines = 0;
  for (const { inode, names } of walkTree(tree, { inode: ROOT_INODE, names: [] })) {
    const layer = tree.layerOf(inode);
    const before = `${String(layer).padStart(LAYER_HEADING.length)} `;
    listing.add(shownEntry(tree, inode), joinPath(names), { fields: { layer, ...doubt }, before });
    if (++lines % LINES_AT_ONCE > 0) continue;
    await listing.flush();
    signal.throwIfAborted();
  }
  await listing.flush();
  return layers;
}

/**
 * Lists what upper layers hide: the entry, its layer, the layer that hides it, and how.
 * @param only numbers of the layers whose entries are wanted; all when undefined
 */
export async function peekDeleted(job: PeekJob, only: readonly number[] | undefined): Promise<void> {
  const { listing } = job;
  const { layers } = await openAll(job);
  const doubt = doubtOf(layers);
  listing.columns(`${LAYER_HEADING} `);
  forEachHidden(layers, ({ layer, entries, row, names, hiddenBy, how }) => {
    if (only && !only.includes(layer)) return;
    listing.add(shownEntry(entries, row), joinPath(names), {
      fields: { layer, hiddenBy, how, ...doubt },
      before: `${String(layer).padStart(LAYER_HEADING.length)} `,
      after: `  (${how === 'replaced' ? 'replaced' : `hidden by ${how}`} in layer ${hiddenBy})`,
    });
  });
  await listing.flush();
}

async function openAll(job: PeekJob): Promise<ImageView> {
  const { image, signal, onProgress } = job;
  const { reference, manifest } = image.resolved;
  if (manifest.layers.length === 0) throw new LayerslayerError('NOT_FOUND', `${reference} has no layers`);
  const view = await image.view({ signal, onProgress });
  await seePaths(
    job,
    view.layers.map(({ number }) => number),
  );
  return view;
}
