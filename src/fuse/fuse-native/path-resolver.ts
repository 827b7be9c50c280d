import { type Attributes, type LayerFs, newAttributes } from '../../fs/layer-fs.js';
import { ROOT_INODE } from '../../overlay/tree.js';
import { ENAMETOOLONG, ENOENT, ENOTDIR } from '../errno.js';
import { NAME_MAX } from '../kernel-numbers.js';

/**
 * From the paths that libfuse speaks to inodes. Symlinks are the kernel's business: none is followed here. The directory
 * that was asked last is remembered, since a listing is followed by a question for each of its names.
 */
export class PathResolver {
  readonly #fs: LayerFs;
  readonly #attributes: Attributes = newAttributes();
  #lastPath = '';
  #lastDirectory = ROOT_INODE;

  constructor(fs: LayerFs) {
    this.#fs = fs;
  }

  /**
   * @param path from the root of the mount: `/`, `/etc/name`
   * @returns the inode; negative: why there is none, an errno
   */
  resolve(path: string): number {
    const slash = path.lastIndexOf('/');
    const directory = this.#directoryAt(path.slice(0, slash));
    return directory < 0 || slash === path.length - 1
      ? directory
      : this.#lookup(directory, path.slice(slash + 1));
  }

  /** @param path `` is the root */
  #directoryAt(path: string): number {
    if (path === this.#lastPath) return this.#lastDirectory;
    let directory = ROOT_INODE;
    for (const name of path.split('/')) {
      if (name === '') continue;
      directory = this.#lookup(directory, name);
      if (directory < 0) return directory;
      if (this.#fs.getattr(directory, this.#attributes).kind !== 'dir') return -ENOTDIR;
    }
    this.#lastPath = path;
    this.#lastDirectory = directory;
    return directory;
  }

  #lookup(directory: number, name: string): number {
    const bytes = Buffer.from(name);
    if (bytes.length > NAME_MAX) return -ENAMETOOLONG;
    return this.#fs.lookup(directory, bytes) || -ENOENT;
  }
}
