import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useImperativeHandle, useRef } from 'preact/hooks';
import { keyMove } from './key-move.js';
import { useVirtualRows, type VirtualRows as Virtual } from './use-virtual-rows.js';

/** What a parent can do with the list. */
export interface RowsHandle extends Pick<Virtual, 'scrollTo' | 'reveal' | 'shift' | 'firstVisible'> {
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
  const scroller = useRef<HTMLDivElement>(null);
  const { rows, height, first, end, pageRows, onScroll, ...moves } = useVirtualRows(scroller, {
    count,
    rowHeight,
  });
  const { scrollTo, reveal, shift, firstVisible } = moves;
  useImperativeHandle(handle ?? null, () => ({
    scrollTo,
    reveal,
    shift,
    firstVisible,
    focus: () => scroller.current?.focus(),
  }));
  useEffect(() => onRange?.(first, end), [first, end]);
  // The browser would scroll smoothly, over millions of rows too. A move of ours ends that halfway.
  const onKeyDown = (event: KeyboardEvent) => {
    const isOfRow = event.target !== event.currentTarget;
    const move = keyMove(event);
    if (move === undefined || (isOfRow && event.key === ' ')) return; // it presses a button
    event.preventDefault();
    if (move === 'first') scrollTo(0);
    else if (move === 'last') scrollTo(count);
    else shift(move === 'down' ? pageRows : -pageRows);
  };
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles have a label
    // biome-ignore lint/a11y/noStaticElementInteractions: it has a role, and scrolls by keys
    <div
      class={`virtual-rows ${props.class ?? ''}`}
      ref={scroller}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      tabIndex={0}
      role={isList ? 'list' : 'region'}
      aria-label={label}
    >
      <div class="virtual-space" style={{ height: `${height}px` }}>
        {rows.map(({ index, top }) => (
          <div
            key={index}
            class="virtual-row"
            style={{ top: `${top}px`, height: `${rowHeight}px` }}
            role={isList ? 'listitem' : undefined}
          >
            {row(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
