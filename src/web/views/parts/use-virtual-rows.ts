import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isAdrift, movedTop, scrollHeight, scrollTopOf } from './scaled-scroll.js';

/** Rows rendered above and below the visible ones: a fast wheel shows no gap. */
const OVERSCAN = 15;

/** Milliseconds after the last scroll event until the scroll bar is put where the list is. */
const SETTLE_MS = 120;

export interface VirtualRowsOptions {
  count: number;
  rowHeight: number; // CSS pixels; all rows have it
  /** A row that is rendered wherever the list is scrolled. */
  kept?: number | undefined;
}

/** A row to render. */
export interface VirtualRow {
  index: number;
  top: number; // CSS pixels in the content of the scroller
}

export interface VirtualRows {
  onScroll: () => void; // of the scroller
  height: number; // of the scroller's content, CSS pixels
  rows: readonly VirtualRow[];
  first: number; // row that is rendered, without the kept one
  end: number; // the row after the last of them
  pageRows: number; // rows that fit, less one that stays visible
  /** Returns the first row that is visible, also in part. */
  firstVisible: () => number;
  /** Shows a row at the top. */
  scrollTo: (row: number) => void;
  /** Shows a row by the shortest way. One that is far away comes to the middle. */
  reveal: (row: number) => void;
  /** Moves the list by rows, as when rows were put before those that are visible. */
  shift: (rows: number) => void;
}

/**
 * Returns the rows to render of a list of any length. It knows no row by itself: libraries that do
 * allocate an item a row, and 4 GiB of bytes have 268 million.
 */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  { count, rowHeight, kept }: VirtualRowsOptions,
): VirtualRows {
  const total = count * rowHeight;
  const last = useRef(0); // scrollTop that is known
  const [top, setTop] = useState(0);
  const [viewport, setViewport] = useState(0);
  const topNow = useRef(0);

  const moveTo = (next: number) => {
    topNow.current = next;
    setTop(next);
  };
  const align = () => {
    const element = scroller.current;
    if (element === null) return;
    const wanted = scrollTopOf(topNow.current, total, element.clientHeight);
    if (Math.abs(element.scrollTop - wanted) >= 1) element.scrollTop = wanted;
    last.current = element.scrollTop;
  };
  const heightNow = () => scroller.current?.clientHeight ?? 0;
  const goTo = (next: number) => {
    moveTo(Math.max(0, Math.min(Math.max(0, total - heightNow()), next)));
    align();
  };

  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = () => setViewport(element.clientHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Fewer rows than before: the list must not end above the visible part.
  useLayoutEffect(() => goTo(topNow.current), [total, viewport]);

  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = () => {
    const { scrollTop, clientHeight } = scroller.current!;
    if (isAdrift(scrollTop, topNow.current, total, clientHeight)) align();
  };
  const onScroll = () => {
    const { scrollTop, clientHeight } = scroller.current!;
    if (scrollTop === last.current) return;
    const way = { from: last.current, to: scrollTop, total, viewport: clientHeight };
    last.current = scrollTop;
    moveTo(movedTop(topNow.current, way));
    clearTimeout(timer.current);
    timer.current = window.setTimeout(settle, SETTLE_MS);
  };

  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - OVERSCAN));
  const end = Math.min(count, Math.ceil((top + viewport) / rowHeight) + OVERSCAN);
  const height = scrollHeight(total);
  const rows: VirtualRow[] = [];
  // The scaled list lies where its first visible pixel is.
  const offset = last.current - top;
  for (let index = first; index < end; index++) rows.push({ index, top: offset + index * rowHeight });
  if (kept !== undefined && kept >= 0 && kept < count && (kept < first || kept >= end))
    rows.push({ index: kept, top: Math.max(-rowHeight, Math.min(height, offset + kept * rowHeight)) });

  return {
    onScroll,
    height,
    rows,
    first,
    end,
    pageRows: Math.max(1, Math.floor(viewport / rowHeight) - 1),
    firstVisible: () => Math.floor(topNow.current / rowHeight),
    scrollTo: (row) => goTo(row * rowHeight),
    reveal: (row) => goTo(revealedTop(row * rowHeight, rowHeight, topNow.current, heightNow())),
    shift: (shifted) => goTo(topNow.current + shifted * rowHeight),
  };
}

/** Returns the first visible pixel when a row is revealed. @param start first pixel of the row */
export function revealedTop(start: number, rowHeight: number, top: number, viewport: number): number {
  const low = start + rowHeight - viewport; // the row is the last
  if (top >= low && top <= start) return top;
  const isFar = top < low - viewport || top > start + viewport;
  if (isFar) return start - (viewport - rowHeight) / 2;
  return top < low ? low : start;
}
