import { LayerslayerError } from '../base/errors.js';
import { SILENT_LOG } from '../base/log.js';
import { openTree } from '../daemon/open-tree.js';
import type { Layer } from '../engine/layer.js';
import { forEachHidden } from '../overlay/hidden-entries.js';
import type { NumberedLayer } from '../overlay/merge.js';
import { joinPath } from '../overlay/resolve-path.js';
import { ROOT_INODE } from '../overlay/tree.js';
import { inodeEntry, shownEntry } from './entry-lines.js';
import { type PeekJob, seePaths } from './peek-layers.js';

/** Lines written between two looks at whether the reader keeps up. */
const LINES_AT_ONCE = 1000;

/**
 * Lists the merged tree, each entry with the number of its layer.
 * @returns the layers of the tree, base first
 */
export async function peekMerged(job: PeekJob): Promise<NumberedLayer[]> {
  const { session, image, listing, signal } = job;
  const layers = await openAll(job);
  const tree = await openTree(layers, session.trees, SILENT_LOG);
  const width = String(image.manifest.layers.length).length;
  const add = (inode: number, names: readonly Uint8Array[]) => {
    const layer = tree.layerOf(inode);
    const before = `${String(layer).padStart(width)} `;
    listing.add(inodeEntry(tree, inode), joinPath(names), { fields: { layer }, before });
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
  return stackOf(layers);
}

/**
 * Lists what upper layers hide: the entry, its layer, the layer that hides it, and how.
 * @param only numbers of the layers whose entries are wanted; all when undefined
 */
export async function peekDeleted(job: PeekJob, only: readonly number[] | undefined): Promise<void> {
  const { image, listing } = job;
  const layers = await openAll(job);
  const width = String(image.manifest.layers.length).length;
  forEachHidden(stackOf(layers), ({ layer, entries, row, names, hiddenBy, how }) => {
    if (only && !only.includes(layer)) return;
    listing.add(shownEntry(entries, row), joinPath(names), {
      fields: { layer, hiddenBy, how },
      before: `${String(layer).padStart(width)} `,
      after: `  (${how === 'replaced' ? 'replaced' : `hidden by ${how}`} in layer ${hiddenBy})`,
    });
  });
  await listing.flush();
}

async function openAll(job: PeekJob): Promise<{ layer: Layer; number: number }[]> {
  const { session, image, signal } = job;
  if (image.manifest.layers.length === 0) {
    throw new LayerslayerError('NOT_FOUND', `${image.reference} has no layers`);
  }
  const layers = await session.openLayers(image, { signal });
  await seePaths(
    job,
    layers.map((_, i) => i + 1),
  );
  return layers.map((layer, i) => ({ layer, number: i + 1 }));
}

function stackOf(layers: readonly { layer: Layer; number: number }[]): NumberedLayer[] {
  return layers.map(({ layer, number }) => ({ entries: layer.entries, number }));
}
