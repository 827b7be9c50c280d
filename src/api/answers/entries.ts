import type { ImageView } from '../../image/opened-image.js';
import { uncomparedLayers } from '../../image/opened-image.js';
import { placedRecord, shownEntry } from '../../image/records/entry-record.js';
import { joinPath } from '../../overlay/resolve-path.js';

/** Returns an entry of a merged tree for clients. */
export function liveRecord(
  view: ImageView,
  inode: number,
  names: readonly Uint8Array[],
): Record<string, unknown> {
  const { tree, byNumber } = view;
  const layer = tree.layerOf(inode);
  const place = { layer, layerDigest: byNumber.get(layer)?.digest };
  return placedRecord(shownEntry(tree, inode), joinPath(names), place, doubtOf(view));
}

/** Any layer decides what a merged tree shows. */
function doubtOf(view: ImageView): object {
  let known = doubts.get(view);
  if (known === undefined) {
    known = uncomparedLayers(view.layers).length === 0 ? {} : { verified: false };
    doubts.set(view, known);
  }
  return known;
}

const doubts = new WeakMap<ImageView, object>();
