import { LayerslayerError } from '../base/errors.js';
import { shownName } from '../base/text/quote-name.js';
import { bytesOfText } from '../base/text/raw-text.js';
import { checkCount, type FileStream, openFile, type RangeOptions } from '../engine/layer.js';
import type { EntryTable } from '../index/entry-table.js';
import type { BuildStep } from '../oci/build-steps.js';
import { type PathEntry, pathVersions } from '../overlay/history/path-versions.js';
import {
  type FollowedLinks,
  joinPath,
  missingPathError,
  resolvePath,
  splitPath,
} from '../overlay/resolve-path.js';
import { attributesOf, type InodeKind, SYMLINK_MODE } from '../overlay/tree.js';
import type {
  DirectoryPage,
  EntryStat,
  FileStat,
  FileVersion,
  ImageFiles,
  ImagePath,
  ImageView,
  PageOptions,
  Provenance,
} from './opened-image.js';

const DIRECTORY_SIZE = 4096;
/** A directory that no entry names. (rule O1) */
const IMPLIED_DIRECTORY = {
  kind: 'dir' as const,
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: DIRECTORY_SIZE,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  deviceMajor: 0,
  deviceMinor: 0,
};

/** `ImageFiles` over the tree of a view. */
export class TreeFiles implements ImageFiles {
  constructor(
    private readonly view: ImageView,
    private readonly steps: readonly BuildStep[],
  ) {}

  stat(path: ImagePath, { follow = true }: { follow?: boolean | undefined } = {}): FileStat {
    const { inode, names } = this.#resolve(path, follow ? 'all' : 'parents');
    return this.#statOf(inode, names);
  }

  readdir(path: ImagePath, { cursor = 0, limit }: PageOptions = {}): DirectoryPage {
    checkCount('cursor', cursor);
    checkCount('limit', limit ?? 0);
    const { inode: directory, names } = this.#resolve(path, 'all', 'dir');
    const { tree } = this.view;
    const end = tree.childEnd(directory);
    const start = Math.min(tree.childStart(directory) + cursor, end);
    const stop = Math.min(end, start + (limit ?? end));
    const entries: DirectoryPage['entries'] = [];
    for (let dentry = start; dentry < stop; dentry++) {
      const name = tree.dentryName(dentry);
      entries.push({ name, ...this.#statOf(tree.dentryInode(dentry), [...names, name]) });
    }
    return { entries, next: stop < end ? stop - tree.childStart(directory) : undefined };
  }

  readlink(path: ImagePath): Uint8Array {
    return this.view.tree.linkTarget(this.#resolve(path, 'parents', 'symlink').inode);
  }

  open(file: ImagePath | EntryStat, options: RangeOptions = {}): FileStream {
    const isPath = typeof file === 'string' || file instanceof Uint8Array;
    const { kind, layer, row } = isPath ? this.#statOf(this.#resolve(file, 'all', 'file').inode, []) : file;
    const opened = this.view.byNumber.get(layer);
    if (kind === 'file' && opened) return openFile(opened, row, options);
    const what = `layer ${layer}, row ${row}`;
    throw new LayerslayerError('INVALID_ARGUMENT', `not a file of this view: ${what}`);
  }

  provenance(path: ImagePath): Provenance | undefined {
    const { layer, row } = this.stat(path, { follow: false });
    const opened = this.view.byNumber.get(layer);
    if (!opened) return undefined;
    const createdBy = this.steps.find((step) => step.layer === layer)?.createdBy;
    return { layer, digest: opened.digest, row, createdBy };
  }

  versions(path: ImagePath): FileVersion[] {
    const { layers, tree, byNumber } = this.view;
    const asked = splitPath(bytesOf(path));
    const resolved = resolvePath(tree, asked, 'parents');
    if (resolved.kind === 'loop') throw missingPathError(resolved, bytesOf(path));
    let names: readonly Uint8Array[] = asked;
    if (resolved.kind === 'found') names = resolved.names;
    if (resolved.kind === 'missing') names = [...resolved.names, resolved.name, ...resolved.rest];
    let isThere = false;
    return pathVersions(layers, names).map(({ layer, entry }) => {
      const change = entry === undefined ? 'removed' : isThere ? 'changed' : 'added';
      isThere = entry !== undefined;
      const stat = entry && versionStat(byNumber.get(entry.layer)!.entries, entry);
      return { layer, digest: byNumber.get(layer)!.digest, change, stat };
    });
  }

  #resolve(path: ImagePath, follow: FollowedLinks, want?: InodeKind) {
    const bytes = bytesOf(path);
    const { tree } = this.view;
    const resolved = resolvePath(tree, splitPath(bytes), follow);
    if (resolved.kind !== 'found') throw missingPathError(resolved, bytes);
    const kind = tree.kind(resolved.inode);
    if (want === undefined || kind === want) return resolved;
    throw new LayerslayerError('INVALID_ARGUMENT', `${WANTED[want]}: ${shownName(bytes)}`);
  }

  #statOf(inode: number, names: readonly Uint8Array[]): FileStat {
    const { tree } = this.view;
    return {
      path: joinPath(names),
      inode,
      kind: tree.kind(inode),
      nlink: tree.nlink(inode),
      ...attributesOf(tree, inode),
      layer: tree.layerOf(inode),
      row: tree.rowOf(inode),
    };
  }
}

/** Returns an entry as a tree would show it. There is no tree of the older layers alone. */
function versionStat(entries: EntryTable, { layer, row }: PathEntry): EntryStat {
  if (row < 0) return { ...IMPLIED_DIRECTORY, layer, row };
  const kind = entries.kind(row) as InodeKind; // of a hard link: that of its target
  const stat = { kind, ...attributesOf(entries, row), layer, row };
  if (kind === 'dir') return { ...stat, size: DIRECTORY_SIZE };
  if (kind !== 'symlink') return stat;
  return { ...stat, mode: SYMLINK_MODE, size: entries.linkTarget(row).length };
}

const WANTED: Partial<Record<InodeKind, string>> = {
  dir: 'not a directory',
  symlink: 'not a symbolic link',
  file: 'not a regular file',
};

function bytesOf(path: ImagePath): Uint8Array {
  return typeof path === 'string' ? bytesOfText(path) : path;
}
