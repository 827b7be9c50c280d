import { type DraftTree, NONE } from '../merge/draft-tree.js';
import { draftOf } from '../merge/merge.js';
import type { MergeObserver } from '../merge/merge-observer.js';
import type { NumberedLayer } from '../tree.js';

/** The entry that a path was, as a layer and a row of it. */
export interface PathEntry {
  layer: number;
  row: number; // -1: a directory that no entry names
}

/** What a path became when a layer was applied. */
export interface PathVersion {
  layer: number;
  entry: PathEntry | undefined; // undefined: the layer removed it
}

/**
 * Returns the versions of a path through the layers, base first: one for each layer that adds,
 * changes or removes it.
 * @param names components of the path; no symlink is followed
 * @throws LayerslayerError as mergeLayers
 */
export function pathVersions(layers: readonly NumberedLayer[], names: readonly Uint8Array[]): PathVersion[] {
  const versions: PathVersion[] = [];
  let last: PathEntry | undefined;
  const observe = (draft: DraftTree): MergeObserver => ({
    layerDone(layer) {
      const entry = entryAt(draft, layers, names);
      if (entry?.layer === last?.layer && entry?.row === last?.row) return;
      versions.push({ layer, entry });
      last = entry;
    },
  });
  draftOf(layers, { observe });
  return versions;
}

function entryAt(
  draft: DraftTree,
  layers: readonly NumberedLayer[],
  names: readonly Uint8Array[],
): PathEntry | undefined {
  let inode = draft.root;
  for (const name of names) {
    const dentry = draft.findName(inode, name);
    if (dentry === NONE) return undefined;
    inode = draft.dentryInodes[dentry]!;
  }
  return { layer: layers[draft.layers[inode]! - 1]!.number, row: draft.rows[inode]! };
}
