import { LayerslayerError } from '../../../base/errors.js';
import type { ImageView, OpenedLayer } from '../../../image/opened-image.js';
import { forEachHidden } from '../../../overlay/history/hidden-entries.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { type NumberedLayer, ROOT_INODE } from '../../../overlay/tree.js';
import { shownEntry } from '../../terminal/entry-lines.js';
import { type PeekJob, seePaths, UNVERIFIED } from './peek-layers.js';

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
  const add = (inode: number, names: readonly Uint8Array[]) => {
    const layer = tree.layerOf(inode);
    const before = `${String(layer).padStart(LAYER_HEADING.length)} `;
    listing.add(shownEntry(tree, inode), joinPath(names), { fields: { layer, ...doubt }, before });
  };
  // Open directories, each with its next child. An item for each child would take 200 bytes.
  const open: { at: number; end: number; names: readonly Uint8Array[] }[] = [];
  const enter = (inode: number, names: readonly Uint8Array[]) => {
    add(inode, names);
    open.push({ at: tree.childStart(inode), end: tree.childEnd(inode), names });
  };
  enter(ROOT_INODE, []);
  let lines = 1;
  for (let directory = open.at(-1); directory; directory = open.at(-1)) {
    if (directory.at === directory.end) {
      open.pop();
      continue;
    }
    const inode = tree.dentryInode(directory.at);
    const names = [...directory.names, tree.dentryName(directory.at)];
    directory.at++;
    if (tree.kind(inode) === 'dir') enter(inode, names);
    else add(inode, names);
    if (++lines % LINES_AT_ONCE === 0) {
      await listing.flush();
      signal.throwIfAborted();
    }
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

/** Any layer decides what a merged tree shows. */
function doubtOf(layers: readonly OpenedLayer[]): object {
  return layers.every(({ layer }) => layer.origin.kind === 'own') ? {} : UNVERIFIED;
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
