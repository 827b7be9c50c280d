import { bytesOfText } from '../../../base/text/raw-text.js';
import type { CopySource } from '../../../carve/copy/copy-destination.js';
import { askedPaths } from '../../../image/paths/asked-path.js';
import { DeletionHints } from '../../../image/paths/deletion-hint.js';
import { findPaths, type SearchedView } from '../../../image/paths/find-paths.js';
import { missingPathError } from '../../../overlay/resolve-path.js';

/** What PATH of `cp` names in a view. */
export interface FoundSource extends CopySource {
  inode: number;
  isFile: boolean;
  names: readonly Uint8Array[]; // from the root; symlinks in the parent directories are resolved
}

export interface SourceOptions {
  followsLink: boolean; // a symlink PATH stands for its target
  where: string | undefined; // name of the view in messages; default: the image
}

/**
 * Finds PATH as `docker cp` does: literally, and a symlink itself, unless a slash or `/.` is behind
 * it. The copy of a followed symlink has the symlink's name.
 * @throws LayerslayerError INVALID_ARGUMENT; NOT_FOUND as `findPaths`, also for `FILE/`
 */
export function findSource(
  view: SearchedView,
  text: string,
  { followsLink, where }: SourceOptions,
): FoundSource {
  const [asked] = askedPaths([text]);
  const { path } = asked!;
  const isContents = /(^|\/)\.$/.test(text);
  const wantsDirectory = isContents || text.endsWith('/');
  const [found] = findPaths(
    view,
    { ...asked!, pattern: undefined },
    { hints: new DeletionHints(), follow: followsLink || wantsDirectory ? 'all' : 'parents', where },
  );
  const { inode, names } = found!;
  const kind = view.tree.kind(inode);
  const isDirectory = kind === 'dir';
  if (wantsDirectory && !isDirectory)
    throw missingPathError({ kind: 'no-directory', inode, names }, bytesOfText(text), { where });
  const last = path.findLast((name) => !DOT.equals(name));
  const name = last && !DOT_DOT.equals(last) ? last : names.at(-1);
  const what = { isDirectory, isFile: kind === 'file', isLink: kind === 'symlink' };
  return { inode, names, ...what, name: isContents ? undefined : name };
}

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
