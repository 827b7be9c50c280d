import type { NumberedLayer } from '../overlay/merge.js';
import { type PathTree, type Resolved, resolvePath } from '../overlay/resolve-path.js';
import { UpperLayers } from '../overlay/upper-layers.js';

/** A path in one layer that an upper layer removes. */
export interface HiddenPath {
  layer: number; // topmost layer that has it
  deletedBy: number;
}

/**
 * Finds the topmost layer that has a path by itself, as `--layer` shows it, and the upper layer
 * that removes it.
 * @param layers all layers of the view, base first
 * @param path missing in the merged tree
 * @throws LayerslayerError UNSUPPORTED as mergeLayers
 */
export function findHidden(
  layers: readonly NumberedLayer[],
  path: readonly Uint8Array[],
): HiddenPath | undefined {
  const shows = (from: number, to: number) =>
    hasPath(new UpperLayers(layers.slice(from, to + 1), true), path);
  for (let at = layers.length - 2; at >= 0; at--) {
    if (!shows(at, at)) continue;
    // No upper layer has it, so it exists from here until a layer deletes it.
    const by = layers.findIndex((_, to) => to > at && !shows(at, to));
    return by === -1 ? undefined : { layer: layers[at]!.number, deletedBy: layers[by]!.number };
  }
  return undefined;
}

/** Maximum paths to find hints for: each is looked up in a view for every layer. */
const HINTS_MAX = 10;

/** Finds hints for paths that the merged tree does not have. */
export class HiddenHints {
  #given = 0;

  /**
   * Returns the location of an absent path, or of the path that its symlinks lead to: `layer 2 has
   * it, layer 4 deletes it: --layer 2`.
   * @param layers all layers of the view, base first
   * @param resolved result in the merged tree, if symlinks were followed
   */
  find(
    layers: readonly NumberedLayer[],
    path: readonly Uint8Array[],
    resolved?: Resolved,
  ): string | undefined {
    if (resolved?.kind === 'found' || resolved?.kind === 'loop' || this.#given++ >= HINTS_MAX)
      return undefined;
    const paths = [path];
    if (resolved?.kind === 'missing' && resolved.isLinked)
      paths.push([...resolved.names, resolved.name, ...resolved.rest]);
    for (const one of paths) {
      const hidden = findHidden(layers, one);
      if (!hidden) continue;
      const { layer, deletedBy } = hidden;
      return `layer ${layer} has it, layer ${deletedBy} deletes it: --layer ${layer}`;
    }
    return undefined;
  }
}

/** Returns whether a tree has a path, even as a dangling symlink. */
export function hasPath(tree: PathTree, path: readonly Uint8Array[]): boolean {
  const name = path.at(-1);
  if (name === undefined) return true;
  const parent = resolvePath(tree, path.slice(0, -1));
  if (parent.kind !== 'found' || tree.kind(parent.inode) !== 'dir') return false;
  return isDots(name) || tree.lookup(parent.inode, name) !== 0;
}

function isDots(name: Uint8Array): boolean {
  return name.length <= 2 && name.every((byte) => byte === DOT);
}

const DOT = 0x2e;
