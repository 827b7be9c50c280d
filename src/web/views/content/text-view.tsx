import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { EntryRecord } from '../../../api/schemas/entry.js';
import type { Query } from '../../model/api.js';
import { type ColoredFile, colorFile } from '../highlight/colored-file.js';
import { PlaceLink } from '../parts/place-link.js';
import { type RowsHandle, VirtualRows } from '../parts/virtual-rows.js';
import { CodeText } from './code-text.js';
import { CHUNK_SIZE, type FileChunks } from './file-chunks.js';
import { LineRun, type TextRow } from './line-run.js';
import { useFileChunks } from './use-file-chunks.js';
import { decodeBytes, isBinary } from './visible-text.js';

/** CSS pixels of a row, as in content.css. */
const ROW_HEIGHT = 20;

/** Rows that are read before any is shown. */
const FIRST_ROWS = 50;

/** Milliseconds that rows are visible before they are requested. */
const REST_MS = 60;

interface TextViewProps {
  query: Query;
  entry: EntryRecord;
  onBinary: () => void; // called when the content looks like no text
}

/** A file as text with line numbers. One of any size opens at once: only visible parts are read. */
export function TextView({ query, entry, onBinary }: TextViewProps) {
  const { size } = entry;
  const { chunks, error, attempt, signal } = useFileChunks(query, size);
  const run = useMemo(() => new LineRun(chunks), []);
  const rows = useRef<RowsHandle>(null);
  const range = useRef<[number, number]>([0, 0]);
  const isReading = useRef(false);
  const timer = useRef(0);
  const [, render] = useReducer((count: number) => count + 1, 0);
  const [colors, setColors] = useState<ColoredFile>();
  const [isOdd, setOdd] = useState(false);
  const [isBegun, setBegun] = useState(false);

  useEffect(() => {
    if (size > 0) attempt(prepare());
    return () => clearTimeout(timer.current);
  }, []);
  async function prepare() {
    if (isBinary(await chunks.load(0))) {
      setOdd(true);
      onBinary();
    }
    range.current = [0, FIRST_ROWS];
    await read();
    setBegun(true);
    setColors(await colorFile(chunks, entry.path, signal));
  }

  /** Reads until all visible rows are known. The range may change meanwhile. */
  async function read() {
    if (isReading.current) return;
    isReading.current = true;
    try {
      for (;;) {
        const moved = await run.reach(...range.current);
        if (moved === undefined || signal.aborted) return;
        if (moved !== 0) {
          range.current = [range.current[0] + moved, range.current[1] + moved];
          rows.current?.shift(moved);
        }
        render(undefined);
      }
    } finally {
      isReading.current = false;
    }
  }
  const onRange = (first: number, end: number) => {
    range.current = [first, end];
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => attempt(read()), REST_MS);
  };

  if (size === 0) return <p class="note">The file is empty.</p>;
  return (
    <div class="text">
      {isOdd && (
        <p class="note">
          This looks like no text. <PlaceLink to={{ file: 'hex' }}>Show it as hex</PlaceLink>
        </p>
      )}
      {error}
      {!isBegun && error === undefined && (
        <p class="note" role="status">
          Loading the content…
        </p>
      )}
      {isBegun && (
        <VirtualRows
          class="mono"
          label="Content of the file"
          count={run.count}
          rowHeight={ROW_HEIGHT}
          handle={rows}
          onRange={onRange}
          row={(index) => <Row row={run.row(index)} chunks={chunks} colors={colors} />}
        />
      )}
    </div>
  );
}

interface RowProps {
  row: TextRow | undefined;
  chunks: FileChunks;
  colors: ColoredFile | undefined;
}

function Row({ row, chunks, colors }: RowProps) {
  if (row === undefined) return <span class="gutter">…</span>;
  const { isLine, line, offset } = row;
  // Where lines were not counted, the offset shows where this is.
  const label = !isLine ? '↪' : line === undefined ? `@${offset.toString(16)}` : String(line);
  const parts = colors?.rowParts(row) ?? [{ text: decodeBytes(rowBytes(row, chunks)), scope: undefined }];
  return (
    <>
      <span class="gutter">{label}</span>
      <CodeText parts={parts} />
    </>
  );
}

/** Returns the bytes of a row without its newline. It may begin in one chunk and end in the next. */
function rowBytes({ offset, length }: TextRow, chunks: FileChunks): Uint8Array {
  const first = Math.floor(offset / CHUNK_SIZE);
  const start = offset - first * CHUNK_SIZE;
  const begin = chunks.peek(first)?.subarray(start, start + length) ?? new Uint8Array(0);
  const rest = length - begin.length;
  const bytes = new Uint8Array(length);
  bytes.set(begin);
  if (rest > 0) bytes.set(chunks.peek(first + 1)?.subarray(0, rest) ?? [], begin.length);
  const end = bytes.at(-1) === 0x0a ? length - 1 : length;
  return bytes.subarray(0, bytes[end - 1] === 0x0d && end < length ? end - 1 : end);
}
