import type { ImageView } from '../../image/opened-image.js';
import { cleanNames } from '../../image/paths/asked-path.js';
import { resolvePath } from '../../overlay/resolve-path.js';
import { HIDDEN_ROOT, type HiddenColumns, hiddenNodeAt, NO_NODE } from './hidden-columns.js';

/** A path that only hidden entries have. */
export interface HiddenPath {
  node: number;
  names: readonly Uint8Array[]; // from the root
  isDirectory: boolean; // one of the entries there is
}

/**
 * Finds a path that the tree does not have. Follows the symlinks that the tree has on its way.
 * @param path components as they were asked for
 * @returns undefined if nothing hidden is there either
 */
export function hiddenPath(
  { tree, byNumber }: Pick<ImageView, 'tree' | 'byNumber'>,
  hidden: HiddenColumns,
  path: readonly Uint8Array[],
): HiddenPath | undefined {
  const resolved = resolvePath(tree, path, 'parents');
  const linked =
    resolved.kind === 'missing' ? [cleanNames([...resolved.names, resolved.name, ...resolved.rest])] : [];
  for (const names of [...linked, cleanNames(path)]) {
    const node = hiddenNodeAt(hidden, names);
    if (node === NO_NODE || node === HIDDEN_ROOT) continue;
    let isDirectory = hidden.childStarts[node]! < hidden.childEnds[node]!;
    for (let at = hidden.versionStarts[node]!; at < hidden.versionStarts[node + 1]!; at++)
      isDirectory ||= byNumber.get(hidden.layers[at]!)!.entries.kind(hidden.rows[at]!) === 'dir';
    return { node, names, isDirectory };
  }
  return undefined;
}
