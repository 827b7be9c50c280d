/**
 * To resume at a checkpoint, only those of the 32 KiB before it are needed that matches in the
 * 32 KiB after it read: often a few hundred bytes. They are stored without positions, in the order
 * of their first use: the resumed decoder meets the same matches in the same order.
 */
import { WINDOW_BYTES, WINDOW_KNOWN, WINDOW_SIZE } from './layout';

export class WindowBytes {
  /** Address of the checkpoint's output byte, 0 for none. Slides with the output. */
  static checkpoint: usize = 0;
  /** Bytes are restored to the window, not taken from it. */
  static resuming: bool = false;
  /** Address in WINDOW_BYTES of the next byte that is taken or restored. */
  static next: usize = 0;
  /** Address after the last byte to restore. */
  static end: usize = 0;

  /** @param length bytes in WINDOW_BYTES to restore */
  static start(output: usize, resuming: bool, length: usize): void {
    WindowBytes.checkpoint = output;
    WindowBytes.resuming = resuming;
    WindowBytes.next = WINDOW_BYTES;
    WindowBytes.end = WINDOW_BYTES + length;
    memory.fill(WINDOW_KNOWN, 0, WINDOW_SIZE);
  }

  /**
   * A match of `length` bytes reads from `source`, before the checkpoint.
   * @returns false if it reads a byte that was not stored
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
