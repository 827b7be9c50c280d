import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { EntryRecord } from '../../../api/schemas/entry.js';
import type { Query } from '../../model/api.js';
import { type RowsHandle, VirtualRows } from '../parts/virtual-rows.js';
import { CHUNK_SIZE } from './file-chunks.js';
import { GROUP_BYTES, hexRow, parseOffset } from './hex-row.js';
import { useFileChunks } from './use-file-chunks.js';

/** CSS pixels of a row, as in content.css. */
const ROW_HEIGHT = 20;

/** CSS pixels below which a row has 8 bytes: its text stays beside them. */
const WIDE = 640;

/** Milliseconds that rows are visible before their bytes are requested: a drag passes over many. */
const REST_MS = 60;

/** The bytes of a file of any size. Requests only what is visible. */
export function HexView({ query, entry }: { query: Query; entry: EntryRecord }) {
  const { size } = entry;
  const { chunks, error, attempt } = useFileChunks(query, size);
  const [, render] = useReducer((count: number) => count + 1, 0);
  const rows = useRef<RowsHandle>(null);
  const { box, rowBytes } = useRowBytes(rows);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const [jump, setJump] = useState('');
  const isBadJump = useMemo(() => jump !== '' && parseOffset(jump, size) === undefined, [jump, size]);
  if (size === 0) return <p class="note">The file is empty.</p>;

  const onRange = (first: number, end: number) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const last = Math.floor((end * rowBytes - 1) / CHUNK_SIZE);
      for (let number = Math.floor((first * rowBytes) / CHUNK_SIZE); number <= last; number++) {
        if (number * CHUNK_SIZE < size && chunks.peek(number) === undefined)
          attempt(chunks.load(number).then(() => render(undefined)));
      }
    }, REST_MS);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const offset = parseOffset(jump, size);
    if (offset === undefined) return;
    rows.current?.scrollTo(Math.floor(offset / rowBytes));
    rows.current?.focus();
  };
  return (
    <div class={`hex${rowBytes === GROUP_BYTES ? ' narrow' : ''}`} ref={box}>
      <form class="file-tools" onSubmit={submit}>
        <label>
          Go to offset{' '}
          <input
            class="offset"
            value={jump}
            placeholder="0x1000, 4096, -16"
            aria-invalid={isBadJump}
            onInput={({ currentTarget }) => setJump(currentTarget.value)}
          />
        </label>
        <button type="submit">Go</button>
        {isBadJump && <span role="alert">not in this file</span>}
      </form>
      {error}
      <VirtualRows
        class="mono"
        label="Bytes"
        count={Math.ceil(size / rowBytes)}
        rowHeight={ROW_HEIGHT}
        handle={rows}
        onRange={onRange}
        row={(index) => {
          const offset = index * rowBytes;
          const chunk = chunks.peek(Math.floor(offset / CHUNK_SIZE));
          const start = offset % CHUNK_SIZE;
          const row = hexRow(chunk?.subarray(start, start + rowBytes) ?? new Uint8Array(0), offset);
          return (
            <>
              <span class="gutter">{row.offset}</span>
              <span class="hex-bytes">{row.bytes}</span>
              <span class="hex-ascii">{row.ascii}</span>
            </>
          );
        }}
      />
    </div>
  );
}

/** Returns the bytes that have room in a row with their text. When they change, the same bytes stay visible. */
function useRowBytes(rows: RefObject<RowsHandle | null>) {
  const box = useRef<HTMLDivElement>(null);
  const [rowBytes, setRowBytes] = useState(GROUP_BYTES * 2);
  const shown = useRef({ rowBytes, firstByte: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = () => {
      const next = element.clientWidth >= WIDE ? GROUP_BYTES * 2 : GROUP_BYTES;
      if (next === shown.current.rowBytes) return;
      const firstByte = (rows.current?.firstVisible() ?? 0) * shown.current.rowBytes;
      shown.current = { rowBytes: next, firstByte };
      setRowBytes(next);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => rows.current?.scrollTo(shown.current.firstByte / rowBytes), [rowBytes]);
  return { box, rowBytes };
}
