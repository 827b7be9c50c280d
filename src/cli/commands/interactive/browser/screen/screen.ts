import type { Key } from '../terminal/key-decoder.js';
import type { ScreenLine, ScreenSize } from '../terminal/screen-line.js';

/** What a key leads to: another screen on top, the one below, or the same. */
export type Outcome = Screen | 'back' | undefined;

/** What a key is handled with. */
export interface Pressing {
  size: ScreenSize;
  signal: AbortSignal; // aborted by Esc, q, left and Ctrl-C while the key is being handled
  /** Says at once that the screen is busy, before work that no timer interrupts. */
  showBusy(): void;
}

/** One of the browser's screens. */
export interface Screen {
  /**
   * Prepares what `lines` shows in this size. Faults are shown, not thrown.
   * @throws the signal's reason
   */
  prepare?(pressing: Pressing): Promise<void>;
  /** @param isBusy a key is still being handled, or the screen prepared */
  lines(size: ScreenSize, isBusy: boolean): ScreenLine[];
  /** @throws the signal's reason */
  press(key: Key, pressing: Pressing): Outcome | Promise<Outcome>;
  /** What a stopped `prepare` or `press` leads to. */
  stopped(): Outcome;
}

/** Keys that lead back, and stop what takes long. */
export function isBackKey(key: Key): boolean {
  return key === 'escape' || key === 'q' || key === 'left';
}

/** Returns how far a key moves in rows: of an end, infinitely. @param page rows of a page */
export function movedRows(key: Key, page: number): number | undefined {
  switch (key) {
    case 'up':
    case 'k':
    case 'ctrl-p':
      return -1;
    case 'down':
    case 'j':
    case 'ctrl-n':
      return 1;
    case 'pageup':
    case 'ctrl-b':
    case 'b':
      return -page;
    case 'pagedown':
    case 'ctrl-f':
    case 'f':
      return page;
    case 'home':
    case 'g':
      return Number.NEGATIVE_INFINITY;
    case 'end':
    case 'G':
      return Number.POSITIVE_INFINITY;
    default:
      return undefined;
  }
}
