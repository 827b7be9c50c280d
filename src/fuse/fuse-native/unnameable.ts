import { isUtf8 } from 'node:buffer';
import { isDotOrDotDot, type LayerFs } from '../../fs/layer-fs.js';
import { ROOT_INODE } from '../../overlay/tree.js';

/** What a transport cannot show if its names are UTF-8 strings. */
interface Unnameable {
  /** Names that are not UTF-8: neither listed nor found, nor are entries below counted. */
  names: number;
  /** Symlinks whose target is not UTF-8: listed, but unreadable. */
  targets: number;
  /** Path of the first, with U+FFFD for invalid bytes. */
  example: string;
}

/** Reads all names: 0.1 s for 500,000 (measured). @returns undefined if all are UTF-8 */
export function findUnnameable(fs: LayerFs): Unnameable | undefined {
  const found: Unnameable = { names: 0, targets: 0, example: '' };
  const directories = [{ inode: ROOT_INODE, path: '' }];
  for (let directory = directories.pop(); directory; directory = directories.pop()) {
    const { inode, path } = directory;
    const pathOf = (name: Uint8Array) => `${path}/${Buffer.from(name)}`;
    fs.readdir(inode, 0, (name, child, kind) => {
      if (!isUtf8(name)) {
        found.names++;
        found.example ||= pathOf(name);
      } else if (kind === 'dir') {
        if (!isDotOrDotDot(name)) directories.push({ inode: child, path: pathOf(name) });
      } else if (kind === 'symlink' && !isUtf8(fs.readlink(child))) {
        found.targets++;
        found.example ||= pathOf(name);
      }
      return true;
    });
  }
  return found.names + found.targets === 0 ? undefined : found;
}
