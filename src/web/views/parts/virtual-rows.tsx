import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isAdrift, movedTop, scrollHeight, scrollTopOf } from './scaled-scroll.js';

/** Rows rendered above and below the visible ones: a fast wheel shows no gap. */
const OVERSCAN = 8;

/** Milliseconds after the last scroll event until the scroll bar is put where the list is. */
const SETTLE_MS = 120;

/** What a parent can do with the list. */
export interface RowsHandle {
  /** Shows a row at the top. */
  scrollTo(row: number): void;
  /** Moves the list by rows, as when rows were put before those that are visible. */
  shift(rows: number): void;
  focus(): void;
}

export interface VirtualRowsProps {
  count: number;
  rowHeight: number; // CSS pixels; all rows have it
  row: (index: number) => ComponentChildren;
  /** Called when other rows are visible. @param end the row after the last */
  onRange?: (first: number, end: number) => void;
  handle?: RefObject<RowsHandle | null>;
  label: string; // for screen readers
  /** Whether the rows are a list for screen readers; else they are a text. */
  isList?: boolean;
  class?: string;
}

/** A list that renders the visible rows only. It scrolls any number of them. */
export function VirtualRows(props: VirtualRowsProps) {
  const { count, rowHeight, row, onRange, handle, label, isList = false } = props;
  const total = count * rowHeight;
  const scroller = useRef<HTMLDivElement>(null);
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
  const goTo = (next: number) => {
    const height = scroller.current?.clientHeight ?? 0;
    moveTo(Math.max(0, Math.min(Math.max(0, total - height), next)));
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

  useImperativeHandle(handle ?? null, () => ({
    scrollTo: (index) => goTo(index * rowHeight),
    shift: (rows) => goTo(topNow.current + rows * rowHeight),
    focus: () => scroller.current?.focus(),
  }));

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

  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const end = Math.min(count, Math.ceil((top + viewport) / rowHeight) + OVERSCAN);
  useEffect(() => onRange?.(first, end), [first, end]);

  const rows: ComponentChildren[] = [];
  // The offset of a row in the scroller: the scaled list lies where its first visible pixel is.
  const offset = last.current - top;
  for (let index = first; index < end; index++) {
    const place = { top: `${offset + index * rowHeight}px`, height: `${rowHeight}px` };
    rows.push(
      <div key={index} class="virtual-row" style={place} role={isList ? 'listitem' : undefined}>
        {row(index)}
      </div>,
    );
  }
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles have a label
    <div
      class={`virtual-rows ${props.class ?? ''}`}
      ref={scroller}
      onScroll={onScroll}
      tabIndex={0}
      role={isList ? 'list' : 'region'}
      aria-label={label}
    >
      <div class="virtual-space" style={{ height: `${scrollHeight(total)}px` }}>
        {rows}
      </div>
    </div>
  );
}
