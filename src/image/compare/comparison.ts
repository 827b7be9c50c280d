import type { TreeDifference } from '../../overlay/compare/compare-trees.js';
import type { ImageView } from '../opened-image.js';

/** One side of a comparison. */
export interface ComparedView {
  view: Pick<ImageView, 'tree' | 'layers' | 'byNumber'>;
  name: string; // of the image, in messages
}

/** What differs between two views. */
export interface Comparison {
  /** Of the path that was compared, as it was asked for; empty: the root. */
  readonly start: readonly Uint8Array[];
  /** By name. Each iteration walks the trees again. */
  readonly differences: Iterable<TreeDifference>;
  /**
   * Reads two files that differ, and compares them line by line.
   * @param names of the two files in the diff
   * @returns undefined unless both are files, with different contents
   * @throws LayerslayerError as `Layer.read`; the signal's reason
   */
  content(difference: TreeDifference, names: DiffNames): Promise<ContentDifference | undefined>;
}

/** Receives how many files of how many were compared, a few times a second. */
export type ContentProgress = (done: number, total: number) => void;

/** Names behind `---` and `+++`. */
export interface DiffNames {
  from: string;
  to: string;
}

/** How the contents of two files differ. */
export type ContentDifference =
  /** A unified diff, with a character a byte (latin1). */
  { kind: 'text'; text: string } | { kind: 'binary' } | { kind: 'large' }; // one has more than TEXT_SIZE_MAX bytes

/** Bytes of the files that are compared line by line. */
export const TEXT_SIZE_MAX = 1024 * 1024;

/** A view, and where the comparison starts in it. */
export interface ComparedStart extends ComparedView {
  inode: number; // 0: missing
}
