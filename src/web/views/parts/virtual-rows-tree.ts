import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useState } from 'preact/hooks';

/** Height of a row in CSS pixels: as in the style sheet. */
export const ROW_HEIGHT = 26;

/** Rows rendered above and below the visible ones, so that quick scrolling shows no gap. */
const OVERSCAN = 15;

export interface VirtualRows {
  items: readonly VirtualItem[];
  height: number; // of all rows, in CSS pixels
  pageRows: number; // rows that fit
  scrollTo: (index: number) => void;
}

/**
 * Returns the rows to render of a long list.
 * @param kept a row that is rendered wherever the list is scrolled: the active one; -1: none
 */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  kept: number,
): VirtualRows {
  const [, render] = useReducer((renders: number) => renders + 1, 0);
  const [virtualizer] = useState(
    () =>
      new Virtualizer<HTMLElement, HTMLElement>({
        count,
        getScrollElement: () => scroller.current,
        estimateSize: () => ROW_HEIGHT,
        observeElementRect,
        observeElementOffset,
        scrollToFn: elementScroll,
      }),
  );
  virtualizer.setOptions({
    ...virtualizer.options,
    count,
    overscan: OVERSCAN,
    onChange: () => render(undefined),
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      if (kept >= 0 && kept < count && !indexes.includes(kept)) indexes.push(kept);
      return indexes;
    },
  });
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    items: virtualizer.getVirtualItems(),
    height: virtualizer.getTotalSize(),
    pageRows: Math.max(1, Math.floor((virtualizer.scrollRect?.height ?? 0) / ROW_HEIGHT) - 1),
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: 'auto' }),
  };
}
