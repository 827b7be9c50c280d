/**
 * Sparse windows: of the 32 KiB before a checkpoint only the bytes that matches in the 32 KiB after it really read are
 * needed to resume there, often a few hundred. While tracking is on, each such read is copied to its place in
 * SPARSE_WINDOW; all else there is zero and costs nothing when compressed.
 */
import { SPARSE_WINDOW, WINDOW_SIZE } from './layout';

export class SparseWindow {
  /** Address of the output byte at the checkpoint, 0 when tracking is off. Slides with the output. */
  static checkpoint: usize = 0;
  /** Bytes before the checkpoint up to the farthest one read. */
  static reach: usize = 0;

  static start(output: usize): void {
    SparseWindow.checkpoint = output;
    SparseWindow.reach = 0;
    memory.fill(SPARSE_WINDOW, 0, WINDOW_SIZE);
  }

  /** A match of `length` bytes reads from `source`, which lies before the checkpoint. */
  static keep(source: usize, length: usize): void {
    const back = SparseWindow.checkpoint - source;
    if (back > SparseWindow.reach) SparseWindow.reach = back;
    memory.copy(SPARSE_WINDOW + WINDOW_SIZE - back, source, min(length, back));
  }
}
