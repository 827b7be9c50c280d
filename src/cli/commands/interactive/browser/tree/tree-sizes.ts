import { setImmediate as nextTurn } from 'node:timers/promises';
import { ROOT_INODE, type Tree } from '../../../../../overlay/tree.js';

/** Names that are counted in a turn of the event loop: about 20 ms. */
const NAMES_A_TURN = 50_000;

/** A directory whose children are being counted. */
interface OpenDirectory {
  inode: number;
  next: number; // dentry
  end: number;
}

/**
 * Returns the bytes of each directory's files, by inode, with those of directories below it. Each
 * file counts once, at its first name in data order, as `du` counts it. Memory: 8 bytes an inode.
 * @throws the signal's reason
 */
export async function directorySizes(tree: Tree, signal: AbortSignal): Promise<Float64Array> {
  const sizes = new Float64Array(tree.inodeCount + 1);
  const isCounted = new Uint8Array(tree.inodeCount + 1);
  const opened = (inode: number): OpenDirectory => ({
    inode,
    next: tree.childStart(inode),
    end: tree.childEnd(inode),
  });
  const open = [opened(ROOT_INODE)]; // from the top down
  let names = 0;
  for (let last = open.at(-1); last; last = open.at(-1)) {
    if (last.next === last.end) {
      open.pop();
      const above = open.at(-1);
      if (above) sizes[above.inode]! += sizes[last.inode]!;
      continue;
    }
    const inode = tree.dentryInode(last.next++);
    if (tree.kind(inode) === 'dir') open.push(opened(inode));
    else if (isCounted[inode] === 0) sizes[last.inode]! += tree.size(inode);
    isCounted[inode] = 1;
    if (++names % NAMES_A_TURN > 0) continue;
    await nextTurn();
    signal.throwIfAborted();
  }
  return sizes;
}
