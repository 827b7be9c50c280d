import { LayerslayerError } from '../base/errors.js';
import { SILENT_LOG } from '../base/log.js';
import { openTree } from '../daemon/open-tree.js';
import type { Layer } from '../layer/layer.js';
import { forEachHidden } from '../overlay/hidden-entries.js';
import { joinPath } from '../overlay/resolve-path.js';
import { ROOT_INODE } from '../overlay/tree.js';
import { inodeEntry } from './entry-lines.js';
import type { PeekJob } from './peek-layers.js';

/** Lines written between two looks at whether the reader keeps up. */
const LINES_AT_ONCE = 1000;

/** Lists the merged tree, each entry with the number of the layer that it comes from. */
export async function peekMerged(job: PeekJob): Promise<void> {
  const { session, image, listing, signal } = job;
  const layers = await openAll(job);
  const tree = await openTree(layers, session.trees, SILENT_LOG);
  const width = String(image.manifest.layers.length).length;
  const ahead: { inode: number; names: readonly Uint8Array[] }[] = [{ inode: ROOT_INODE, names: [] }];
  let lines = 0;
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    const { inode, names } = next;
    const layer = tree.layerOf(inode);
    const before = `${String(layer).padStart(width)} `;
    listing.add(inodeEntry(tree, inode), joinPath(names), { fields: { layer }, before });
    if (++lines % LINES_AT_ONCE === 0) {
      await listing.flush();
      signal.throwIfAborted();
    }
    for (let at = tree.childEnd(inode) - 1; at >= tree.childStart(inode); at--) {
      ahead.push({ inode: tree.dentryInode(at), names: [...names, tree.dentryName(at)] });
    }
  }
  await listing.flush();
}

/**
 * Lists what upper layers hide: the entry, its layer, the layer that hides it, and how.
 * @param only numbers of the layers whose entries are wanted; all when undefined
 */
export async function peekDeleted(job: PeekJob, only: readonly number[] | undefined): Promise<void> {
  const { image, listing } = job;
  const layers = await openAll(job);
  const width = String(image.manifest.layers.length).length;
  const stack = layers.map(({ layer, number }) => ({ entries: layer.entries, number }));
  forEachHidden(stack, ({ tree, inode, names, hiddenBy, how }) => {
    const layer = tree.layerOf(inode);
    if (only && !only.includes(layer)) return;
    listing.add(inodeEntry(tree, inode), joinPath(names), {
      fields: { layer, hiddenBy, how },
      before: `${String(layer).padStart(width)} `,
      after: `  (${how === 'replaced' ? 'replaced' : `hidden by ${how}`} in layer ${hiddenBy})`,
    });
  });
  await listing.flush();
}

async function openAll({ session, image, signal }: PeekJob): Promise<{ layer: Layer; number: number }[]> {
  if (image.manifest.layers.length === 0) {
    throw new LayerslayerError('NOT_FOUND', `${image.reference} has no layers`);
  }
  const layers = await session.openLayers(image, { signal });
  return layers.map((layer, i) => ({ layer, number: i + 1 }));
}
