/**
 * Of the 32 KiB before a checkpoint only the bytes that matches in the 32 KiB after it read are needed to resume there,
 * often a few hundred. They are kept without their places, in the order in which they are first read: whoever resumes
 * there decodes the same matches, and so comes to the same places in the same order.
 */
import { WINDOW_BYTES, WINDOW_KNOWN, WINDOW_SIZE } from './layout';

export class WindowBytes {
  /** Address of the output byte at the checkpoint, 0 when no window is looked at. Slides with the output. */
  static checkpoint: usize = 0;
  /** Bytes are put back into the window, not taken from it. */
  static resuming: bool = false;
  /** Address in WINDOW_BYTES of the next byte that is taken, or put back. */
  static next: usize = 0;
  /** Address after the last byte that there is to put back. */
  static end: usize = 0;

  /** @param length bytes that WINDOW_BYTES holds to be put back */
  static start(output: usize, resuming: bool, length: usize): void {
    WindowBytes.checkpoint = output;
    WindowBytes.resuming = resuming;
    WindowBytes.next = WINDOW_BYTES;
    WindowBytes.end = WINDOW_BYTES + length;
    memory.fill(WINDOW_KNOWN, 0, WINDOW_SIZE);
  }

  /**
   * A match of `length` bytes reads from `source`, which lies before the checkpoint.
   * @returns false when it reads a byte that was not kept
   */
  static meet(source: usize, length: usize): bool {
    const end = min(source + length, WindowBytes.checkpoint);
    const known = WINDOW_KNOWN + WINDOW_SIZE - WindowBytes.checkpoint; // + an address in the window
    for (; source < end; source++) {
      if (load<u8>(known + source) != 0) continue;
      store<u8>(known + source, 1);
      if (WindowBytes.resuming) {
        if (WindowBytes.next == WindowBytes.end) return false;
        store<u8>(source, load<u8>(WindowBytes.next++));
      } else {
        store<u8>(WindowBytes.next++, load<u8>(source));
      }
    }
    return true;
  }
}
