import { LayerslayerError } from '../../base/errors.js';
import { shownName } from '../../base/text/quote-name.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { type MatchOptions, matchTree } from '../../overlay/pattern/match-tree.js';
import { type FollowedLinks, hasPath, missingPathError, resolvePath } from '../../overlay/resolve-path.js';
import type { NumberedLayer, Tree } from '../../overlay/tree.js';
import type { AskedPath } from './asked-path.js';
import { type DeletionHints, findHidden } from './deletion-hint.js';

/** What PATH arguments are looked up in. An `ImageView` is one. */
export interface SearchedView {
  tree: Tree;
  layers: readonly NumberedLayer[]; // base first
}

/** A file that PATH names. */
export interface FoundPath {
  inode: number;
  names: readonly Uint8Array[]; // from the root; symlinks in the parent directories are resolved
  asked: readonly Uint8Array[]; // components as they were asked for, or as the pattern matched them
}

export interface FindPathsOptions {
  hints: DeletionHints; // one for all paths of a command
  follow?: FollowedLinks | undefined; // default: all
  followMatches?: FollowedLinks | undefined; // of what a pattern matches; default: as `follow`
  where?: string | undefined; // name of the view in messages; default: the image
  /** As `MatchOptions.takesDirectories`; default: true. */
  takesDirectories?: boolean | undefined;
}

/**
 * Returns what PATH names in a view: one file, or what its pattern matches, names sorted.
 * @throws LayerslayerError NOT_FOUND, naming the nearest parent and the layer that deletes the
 *   path; UNSUPPORTED as `matchTree`
 */
export function findPaths(
  view: SearchedView,
  asked: AskedPath,
  { hints, follow = 'all', followMatches = follow, where, takesDirectories = true }: FindPathsOptions,
): FoundPath[] {
  const { tree, layers } = view;
  const found: FoundPath[] = [];
  for (const match of matchesOf(asked, { ...view, takesDirectories })) {
    const isItself = match === asked.path;
    const resolved = resolvePath(tree, match, isItself ? follow : followMatches);
    if (resolved.kind === 'found') {
      found.push({ inode: resolved.inode, names: resolved.names, asked: match });
      continue;
    }
    const hint = isItself ? hints.find(layers, match, resolved) : undefined;
    if (isItself) throw missingPathError(resolved, bytesOfText(asked.text), { where, hint });
    // A pattern also matches symlinks that lead nowhere: they are files of their own.
    const link = resolvePath(tree, match, 'parents');
    if (link.kind === 'found') found.push({ inode: link.inode, names: link.names, asked: match });
  }
  if (found.length === 0) throw noMatch(asked, where);
  return found;
}

/**
 * Returns the paths that PATH stands for. A PATH that exists in any layer is a path, even if an
 * upper layer deletes it.
 * @returns `asked.path` itself, or what the pattern matches
 * @throws LayerslayerError UNSUPPORTED as `matchTree`
 */
export function matchesOf(
  { text, path, pattern }: AskedPath,
  view: SearchedView & MatchOptions,
): readonly (readonly Uint8Array[])[] {
  const { tree, layers } = view;
  if (!pattern || hasPath(tree, path) || findHidden(layers, path)) return [path];
  const matches = matchTree(tree, pattern, view);
  return text.endsWith('/') ? matches.filter((match) => isDirectory(tree, match)) : matches;
}

/** Also of a symlink that leads to one. */
function isDirectory(tree: Tree, path: readonly Uint8Array[]): boolean {
  const resolved = resolvePath(tree, path);
  return resolved.kind === 'found' && tree.kind(resolved.inode) === 'dir';
}

/** @param where name of the view; default: the image */
export function noMatch({ text }: AskedPath, where = 'image'): LayerslayerError {
  const shown = shownName(bytesOfText(text));
  return new LayerslayerError(
    'NOT_FOUND',
    `no such file in ${where}: ${shown} (the pattern matches nothing)`,
  );
}
