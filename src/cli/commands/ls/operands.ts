import { LayerslayerError } from '../../../base/errors.js';
import { bytesOfText } from '../../../base/text/raw-text.js';
import { type AskedPath, cleanNames } from '../../../image/paths/asked-path.js';
import type { DeletionHints } from '../../../image/paths/deletion-hint.js';
import { type FoundPath, findPaths, type SearchedView } from '../../../image/paths/find-paths.js';
import { type HiddenNode, hiddenAt } from '../../../overlay/history/hidden-tree.js';
import type { PathPattern } from '../../../overlay/pattern/path-pattern.js';
import { joinPath, resolvePath } from '../../../overlay/resolve-path.js';
import { hiddenRows, isDirectory, type ListedRow, liveRow } from './listed-row.js';

const SLASH = 0x2f;

/** A directory whose contents are listed. */
export interface ShownDirectory {
  heading: Uint8Array; // its path as it was asked for
  names: readonly Uint8Array[]; // from the root, without symlinks
  inode: number; // 0: the tree does not have it
  hidden: HiddenNode | undefined; // what upper layers hide in it
}

/** What a PATH stands for. */
export interface Operand extends ListedRow {
  names: readonly Uint8Array[]; // from the root
  contents: ShownDirectory | undefined; // listed instead of the row
}

export interface OperandOptions {
  view: SearchedView;
  hidden: HiddenNode | undefined; // the root of what is hidden, if that is wanted
  hints: DeletionHints;
  where: string | undefined; // name of the view in messages; default: the image
  /** A symlink to a directory stands for itself, unless a slash follows it. */
  keepsLinks: boolean;
  /** Directories stand for themselves, not for their contents. */
  keepsDirectories: boolean;
}

/**
 * Returns what a PATH stands for: one file, what its pattern matches, or what upper layers hide.
 * @throws LayerslayerError as `findPaths`
 */
export function operandsOf(asked: AskedPath, options: OperandOptions): Operand[] {
  const { view, hidden, hints, where } = options;
  let missing: LayerslayerError | undefined;
  let found: FoundPath[] = [];
  try {
    found = findPaths(view, asked, { hints, where, follow: 'parents', takesDirectories: false });
  } catch (error) {
    if (!hidden || !(error instanceof LayerslayerError) || error.code !== 'NOT_FOUND') throw error;
    missing = error;
  }
  const isItself = found.some((one) => one.asked === asked.path);
  const operands = found.flatMap((one) =>
    liveOperands(one, isItself ? bytesOfText(asked.text) : joinPath(one.asked), options),
  );
  if (!hidden || isItself) return operands;
  const node = missing && hiddenNode(asked, view, hidden);
  if (node) return hiddenOperands(node.node, node.names, bytesOfText(asked.text), options);
  if (asked.pattern) for (const one of hiddenMatches(asked.pattern, hidden, options)) operands.push(one);
  if (missing && operands.length === 0) throw missing;
  return operands;
}

function liveOperands(found: FoundPath, shown: Uint8Array, options: OperandOptions): Operand[] {
  const { view, hidden, keepsLinks, keepsDirectories } = options;
  const { tree } = view;
  let { inode, names } = found;
  if (tree.kind(inode) === 'symlink' && (!keepsLinks || shown.at(-1) === SLASH)) {
    const end = resolvePath(tree, found.asked);
    if (end.kind === 'found' && tree.kind(end.inode) === 'dir') ({ inode, names } = end);
  }
  const node = hidden && hiddenAt(hidden, names);
  const row = liveRow(tree, inode, shown);
  if (isDirectory(row) && !keepsDirectories)
    return [{ ...row, names, contents: { heading: shown, names, inode, hidden: node } }];
  const live: Operand = { ...row, names, contents: undefined };
  return node ? [live, ...hiddenOperands(node, names, shown, options)] : [live];
}

/** Returns what was at a path once, or below it. */
function hiddenOperands(
  node: HiddenNode,
  names: readonly Uint8Array[],
  shown: Uint8Array,
  { view, keepsDirectories }: OperandOptions,
): Operand[] {
  const { tree } = view;
  const at = resolvePath(tree, names, 'none');
  const isLiveDirectory = at.kind === 'found' && tree.kind(at.inode) === 'dir';
  const rows = hiddenRows(node, shown, isLiveDirectory);
  const directory = rows.find(isDirectory);
  if (keepsDirectories || !directory || isLiveDirectory)
    return rows.map((row) => ({ ...row, names, contents: undefined }));
  const contents = { heading: shown, names, inode: 0, hidden: node };
  const files = rows.filter((row) => !isDirectory(row));
  return [...files.map((row) => ({ ...row, names, contents: undefined })), { ...directory, names, contents }];
}

/** Finds a path that the tree does not have. Follows the symlinks that the tree has on its way. */
function hiddenNode(
  { path, names: literal }: AskedPath,
  { tree }: SearchedView,
  hidden: HiddenNode,
): { node: HiddenNode; names: readonly Uint8Array[] } | undefined {
  const resolved = resolvePath(tree, path, 'parents');
  const linked =
    resolved.kind === 'missing' ? [cleanNames([...resolved.names, resolved.name, ...resolved.rest])] : [];
  for (const names of [...linked, literal]) {
    const node = hiddenAt(hidden, names);
    if (node && names.length > 0) return { node, names };
  }
  return undefined;
}

/** Returns the hidden paths that a pattern matches and the tree does not have. */
function hiddenMatches(pattern: PathPattern, hidden: HiddenNode, options: OperandOptions): Operand[] {
  const { tree } = options.view;
  const operands: Operand[] = [];
  const ahead = [{ node: hidden, names: [] as Uint8Array[], position: pattern.start }];
  for (let at = ahead.pop(); at; at = ahead.pop()) {
    for (const node of at.node.children?.values() ?? []) {
      const position = pattern.after(at.position, node.name);
      if (position.length === 0) continue;
      const names = [...at.names, node.name];
      const isDir = hiddenRows(node, node.name, false).some(isDirectory);
      const isLeftOut = isDir && pattern.endsInGlobstar(position);
      const isGone = resolvePath(tree, names, 'none').kind !== 'found';
      if (isGone && !isLeftOut && pattern.isMatch(position, isDir))
        operands.push(...hiddenOperands(node, names, joinPath(names), options));
      ahead.push({ node, names, position });
    }
  }
  return operands;
}
