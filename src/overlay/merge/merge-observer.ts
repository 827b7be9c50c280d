import type { PathComponents } from '../path-components.js';

/** How an upper layer takes a name away: by a marker, or by another entry in its place. */
export type HidingWay = 'whiteout' | 'opaque' | 'replaced';

/**
 * Sees what a merge does to what is there already, step by step. Numbers are those of its draft.
 * Every call comes before its change is made. A merge without an observer pays nothing for this.
 */
export interface MergeObserver {
  /**
   * `dentry` loses its inode: to `inode`, or to NONE. An opaque marker gives a directory's dentry
   * an empty copy; for the root, which has no dentry, `draft.root` changes and nothing is called.
   */
  taken?(dentry: number, inode: number, how: HidingWay): void;
  /**
   * The layer has a marker, whether it hides something or not.
   * @param path of the marker itself, valid during the call
   */
  marker?(path: PathComponents, role: 'whiteout' | 'opaque'): void;
  /**
   * An entry is not shown.
   * @param layer its position plus 1
   */
  skipped?(layer: number, row: number): void;
  /** A layer was applied. */
  layerDone?(layerNumber: number): void;
}
