/**
 * Lists that are higher than a browser can scroll. Firefox limits an element to 17,895,697 pixels.
 * Chromium limits it to 33,554,428 device pixels: 11,184,809 CSS pixels on a screen with three of
 * them a pixel, 4,194,303 if the page is enlarged to 400 % on a screen with two (measured). A hex
 * view of 4 GiB has 268 million rows.
 *
 * The scroller has `scrollHeight(total)` pixels. Near both ends one pixel of it is one pixel of the
 * list, so that wheel and keys reach each row. Between them the pixels are scaled.
 */

/** Pixels of the highest scroller: for 11 device pixels a CSS pixel. */
const HEIGHT_MAX = 3_000_000;

/** Pixels at each end that are not scaled. */
const EDGE = 500_000;

/** Pixels by which the scroller may be off, unless an end is near: 1% of its height. */
const DRIFT_MAX = HEIGHT_MAX / 100;

/** Returns the height of the scroller's content for a list of so many pixels. */
export function scrollHeight(total: number): number {
  return Math.min(total, HEIGHT_MAX);
}

/** Returns the first visible pixel of the list. @param total pixels of the list */
export function listTop(scrollTop: number, total: number, viewport: number): number {
  return mapped(scrollTop, reach(scrollHeight(total), viewport), reach(total, viewport));
}

/** The inverse of `listTop`, in whole pixels. */
export function scrollTopOf(top: number, total: number, viewport: number): number {
  return Math.round(mapped(top, reach(total, viewport), reach(scrollHeight(total), viewport)));
}

/**
 * Returns the first visible pixel after a scroll event. A short way, as of a wheel or a key, moves
 * the list by the same pixels. A long way is a jump of the scroll bar.
 */
export function movedTop(
  top: number,
  { from, to, total, viewport }: { from: number; to: number; total: number; viewport: number },
): number {
  if (total <= HEIGHT_MAX || Math.abs(to - from) > 2 * viewport) return listTop(to, total, viewport);
  return Math.max(0, Math.min(reach(total, viewport), top + to - from));
}

/**
 * Returns whether the scroller must be moved to where the list is. Short ways make it drift, as
 * they move the list by the same pixels. Moving the scroller ends a scrolling that a key has just
 * begun, so a drift that is not seen stays. Near an end both have to end together.
 */
export function isAdrift(scrollTop: number, top: number, total: number, viewport: number): boolean {
  const drift = Math.abs(scrollTop - scrollTopOf(top, total, viewport));
  const isNearEnd = Math.min(top, reach(total, viewport) - top) <= EDGE;
  return drift >= (isNearEnd ? 1 : DRIFT_MAX);
}

/** Largest offset that a scroller can have. */
function reach(height: number, viewport: number): number {
  return Math.max(0, height - viewport);
}

/** Maps [0, fromEnd] to [0, toEnd]: the edges as they are, what is between them scaled. */
function mapped(value: number, fromEnd: number, toEnd: number): number {
  const inside = Math.max(0, Math.min(fromEnd, value));
  if (fromEnd === toEnd || inside <= EDGE) return inside;
  if (fromEnd - inside <= EDGE) return toEnd - (fromEnd - inside);
  return EDGE + ((inside - EDGE) * (toEnd - 2 * EDGE)) / (fromEnd - 2 * EDGE);
}
