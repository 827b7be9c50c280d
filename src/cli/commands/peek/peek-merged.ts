import { LayerslayerError } from '../../../base/errors.js';
import type { ImageView } from '../../../image/opened-image.js';
import { shownEntry } from '../../../image/records/entry-record.js';
import { hiddenEntries } from '../../../overlay/history/hidden-entries.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { type NumberedLayer, ROOT_INODE } from '../../../overlay/tree.js';
import { largestFirst } from '../../../overlay/walk/largest-first.js';
import { walkTree } from '../../../overlay/walk/walk-tree.js';
import { hiddenText } from '../../terminal/wording/entry-places.js';
import { doubtOf } from '../../terminal/wording/uncompared.js';
import { type HeldEntry, HeldHidden } from './held-hidden.js';
import { type PeekJob, seePaths } from './peek-layers.js';

/** Above the numbers of layers, right-aligned. */
const LAYER_HEADING = 'LAYER';

/**
 * Lists the merged tree, each entry with the number of its layer.
 * @returns the layers of the tree, base first
 */
export async function peekMerged(job: PeekJob): Promise<readonly NumberedLayer[]> {
  const { listing, largestFirst: isSorted } = job;
  const { layers, tree } = await openAll(job);
  const fields = doubtOf(layers);
  listing.columns(`${LAYER_HEADING} `);
  const isCounted = new Uint8Array(tree.inodeCount + 1);
  const entries = isSorted ? largestFirst(tree) : walkTree(tree, { inode: ROOT_INODE, names: [] });
  for (const { inode, names } of entries) {
    const layer = tree.layerOf(inode);
    const details = { layer, fields, before: layerText(layer), isCounted: isCounted[inode] === 1 };
    if (listing.add(shownEntry(tree, inode), joinPath(names), details)) isCounted[inode] = 1;
    await listing.turn();
  }
  await listing.total();
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
  const counted = new Map(layers.map(({ number, entries }) => [number, new Uint8Array(entries.length)]));
  const list = ({ layer, entries, row, hiddenBy, how, path }: HeldEntry) => {
    const isCounted = counted.get(layer)!;
    const isListed = listing.add(shownEntry(entries, row), path, {
      layer,
      fields: { hiddenBy, how, ...doubt },
      before: layerText(layer),
      after: `  (${hiddenText({ hiddenBy, how })})`,
      isCounted: isCounted[row] === 1,
    });
    if (isListed) isCounted[row] = 1;
  };
  const held = new HeldHidden();
  for (const { names, ...hidden } of hiddenEntries(layers)) {
    if (only && !only.includes(hidden.layer)) continue;
    const entry = { ...hidden, path: joinPath(names) };
    if (job.largestFirst) held.add(entry);
    else list(entry);
    await listing.turn();
  }
  for (const entry of held.largestFirst()) {
    list(entry);
    await listing.turn();
  }
  await listing.total();
}

/** The layer's number below its heading, before the entry. */
function layerText(layer: number): string {
  return `${String(layer).padStart(LAYER_HEADING.length)} `;
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
