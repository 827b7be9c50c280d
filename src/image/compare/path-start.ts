import { bytesOfText } from '../../base/text/raw-text.js';
import { missingPathError, resolvePath } from '../../overlay/resolve-path.js';
import { askedPaths } from '../paths/asked-path.js';
import { DeletionHints } from '../paths/deletion-hint.js';
import type { ComparedView } from './comparison.js';

/** Where PATH leads in two views: inodes, 0 where it leads to nothing. */
export interface PathStart {
  from: number;
  to: number;
  names: readonly Uint8Array[]; // as the path was asked for
}

/**
 * Finds a path in two views. Symlinks are followed, as in `cat`.
 * @throws LayerslayerError NOT_FOUND if neither has it, naming the nearest parent and the layer
 *   that deletes it; INVALID_ARGUMENT
 */
export function pathStart(path: string, from: ComparedView['view'], to: ComparedView['view']): PathStart {
  const asked = askedPaths([path])[0]!;
  const [some, other] = [resolvePath(from.tree, asked.path), resolvePath(to.tree, asked.path)];
  if (some.kind !== 'found' && other.kind !== 'found') {
    const hints = new DeletionHints();
    const hint = hints.find(to.layers, asked.path, other) ?? hints.find(from.layers, asked.path, some);
    throw missingPathError(other, bytesOfText(asked.text), { where: 'either image', hint });
  }
  return { from: inodeOf(some), to: inodeOf(other), names: asked.names };
}

const inodeOf = (resolved: ReturnType<typeof resolvePath>) =>
  resolved.kind === 'found' ? resolved.inode : 0;
