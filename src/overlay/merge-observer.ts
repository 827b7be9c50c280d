import type { DraftTree } from './draft-tree.js';
import type { PathComponents } from './path-components.js';

/** How an upper layer takes a name away: by a marker for it or its directory, or by another entry in its place. */
export type HidingWay = 'whiteout' | 'opaque' | 'replaced';

/**
 * Sees what a merge does to what is there already, step by step. Numbers are those of the draft.
 * Every call comes before its change is made. A merge without an observer pays nothing for this.
 */
export interface MergeObserver {
  /** A layer was applied, or the part of it that is known. */
  layerDone?(draft: DraftTree, layerNumber: number): void;
  /**
   * `dentry` loses its inode: to `inode`, or to NONE. An opaque marker gives a directory's dentry
   * an empty copy; for the root, which has no dentry, `draft.root` changes and nothing is called.
   */
  taken?(draft: DraftTree, dentry: number, inode: number, how: HidingWay): void;
  /** An entry gives a directory other attributes. */
  attributed?(draft: DraftTree, directory: number): void;
  /**
   * The layer has a marker, whether it hides something or not.
   * @param path of the marker itself, valid during the call
   */
  marker?(path: PathComponents, role: 'whiteout' | 'opaque'): void;
  /** An entry is not shown. */
  skipped?(draft: DraftTree, layer: number, row: number): void;
}
