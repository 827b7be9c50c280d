import type { EntryTable } from '../../index/entry-table.js';
import { PathComponents } from '../path-components.js';
import { mayHaveMarkers, roleOf, WHITEOUT_PREFIX_LENGTH } from '../whiteout.js';
import { DIRECTORY, type DraftTree, NONE } from './draft-tree.js';

/**
 * First pass over a layer: its whiteouts and opaque markers take away what the lower layers have.
 * Wherever a marker stands in its layer, it never touches the layer's own entries, because none is
 * in the tree yet. Markers make no parents and follow no symlinks: a path that isn't there has
 * nothing to hide. (rules O1 to O3)
 */
export function applyMarkers(draft: DraftTree, entries: EntryTable): void {
  const heap = entries.pathHeap;
  if (!mayHaveMarkers(heap)) return;
  const path = new PathComponents();
  for (let row = 0; row < entries.length; row++) {
    path.parse(heap, entries.pathStart(row), entries.pathEnd(row));
    const role = roleOf(path);
    if (role === 'whiteout') hideName(draft, path);
    else if (role === 'opaque') hideChildren(draft, path);
  }
}

function hideName(draft: DraftTree, path: PathComponents): void {
  const last = path.count - 1;
  const directory = directoryAt(draft, path, last);
  if (directory === NONE) return;
  const dentry = draft.findComponent(directory, path, last, WHITEOUT_PREFIX_LENGTH);
  if (dentry !== NONE) draft.unlink(dentry);
}

function hideChildren(draft: DraftTree, path: PathComponents): void {
  const depth = path.count - 1;
  const directory = directoryAt(draft, path, depth);
  if (directory === NONE) return;
  const emptied = draft.emptied(directory);
  if (depth === 0) return;
  const dentry = draft.findComponent(draft.parents[directory]!, path, depth - 1);
  draft.setInode(dentry, emptied, 'opaque');
}

/** The directory that the first `depth` components name, or NONE. */
function directoryAt(draft: DraftTree, path: PathComponents, depth: number): number {
  let directory = draft.root;
  for (let i = 0; i < depth; i++) {
    const dentry = draft.findComponent(directory, path, i);
    if (dentry === NONE) return NONE;
    directory = draft.dentryInodes[dentry]!;
    if (draft.kinds[directory] !== DIRECTORY) return NONE;
  }
  return directory;
}
