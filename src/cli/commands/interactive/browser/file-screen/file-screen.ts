import type { LayerslayerError } from '../../../../../base/errors.js';
import { formatSize } from '../../../../terminal/wording/size.js';
import { helpScreen } from '../screen/help.js';
import { isBackKey, movedRows, type Outcome, type Pressing, type Screen } from '../screen/screen.js';
import type { Key } from '../terminal/key-decoder.js';
import {
  cutStart,
  framed,
  frameRows,
  type ScreenLine,
  type ScreenSize,
  wrapped,
} from '../terminal/screen-line.js';
import type { FileBytes } from './file-bytes.js';
import { hexLine, hexRowSize } from './hex-lines.js';
import { TextPages } from './text-pages.js';

/** Bytes that decide between text and hex: with a NUL it is no text, as git and grep have it. */
const PROBE_SIZE = 8000;

const TITLE: ScreenLine = { text: '', style: 'title' };
const KEYS: ScreenLine = { text: 'arrows scroll  End end  x text/hex  ? help  q back', style: 'faint' };
const STATUS: ScreenLine = { text: '', style: 'plain' };

export interface ViewedFile {
  title: string; // printable path
  bytes: FileBytes;
  /** Returns an error as it may be shown. */
  shown(error: unknown): LayerslayerError;
}

/** A file as text or hex. Reads what is on the screen, and for the end of the file its end. */
export class FileScreen implements Screen {
  #mode: 'text' | 'hex' | undefined; // undefined: not known yet
  #top = 0; // offset of the first row
  #end = 0; // offset behind the last row
  #rows: string[] = [];
  #prepared = ''; // for which position and size
  #fault: LayerslayerError | undefined;

  constructor(private readonly file: ViewedFile) {}

  async prepare({ size, signal }: Pressing): Promise<void> {
    if (this.#prepared === this.#wanted(size)) return;
    await this.#attempt(size, signal, () => this.#load(size, signal));
    this.#prepared = this.#wanted(size);
  }

  lines(size: ScreenSize, isBusy: boolean): ScreenLine[] {
    const { file } = this;
    const title: ScreenLine = { ...TITLE, text: cutStart(file.title, size.columns) };
    const status: ScreenLine = { ...STATUS, text: isBusy ? 'reading … (Esc stops)' : this.#status() };
    const fault = this.#fault && `${this.#fault.code}: ${this.#fault.message}`;
    const rows = fault === undefined ? this.#rows : wrapped(fault, size.columns);
    const body = rows.map((text): ScreenLine => ({ text, style: 'plain' }));
    return framed({ above: [title], body, below: [KEYS, status] }, size);
  }

  async press(key: Key, { size, signal }: Pressing): Promise<Outcome> {
    if (isBackKey(key)) return 'back';
    if (key === '?') return helpScreen();
    if (key === 'x' && this.#mode) {
      this.#mode = this.#mode === 'text' ? 'hex' : 'text';
      await this.#attempt(size, signal, () => this.#moveTo(this.#top, size, signal));
    }
    if (key === 'r') this.#prepared = '';
    const page = bodyRows(size);
    const by = key === ' ' ? page : key === 'enter' ? 1 : movedRows(key, page);
    if (by !== undefined) await this.#attempt(size, signal, () => this.#move(by, size, signal));
    return undefined;
  }

  stopped(): Outcome {
    return 'back';
  }

  #wanted({ columns, rows }: ScreenSize): string {
    return `${this.#mode} ${this.#top} ${columns}x${rows}`;
  }

  /** Shows a fault instead of the content, until a key asks for bytes again. */
  async #attempt(size: ScreenSize, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    this.#fault = undefined;
    this.#prepared = '';
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      this.#fault = this.file.shown(error);
      this.#prepared = this.#wanted(size);
    }
  }

  async #load(size: ScreenSize, signal: AbortSignal): Promise<void> {
    const { bytes } = this.file;
    const { columns } = size;
    const count = bodyRows(size);
    if (!this.#mode) {
      const probe = await bytes.read(0, PROBE_SIZE, signal);
      this.#mode = probe.includes(0) ? 'hex' : 'text';
    }
    if (this.#mode === 'text') {
      const lines = await new TextPages(bytes, signal).linesFrom(this.#top, count, columns);
      this.#rows = lines.map(({ text }) => text);
      this.#end = lines.at(-1)?.end ?? this.#top;
      return;
    }
    const rowSize = hexRowSize(columns, bytes.size);
    this.#top -= this.#top % rowSize; // another width has other rows
    this.#end = Math.min(bytes.size, this.#top + count * rowSize);
    const shown = await bytes.read(this.#top, this.#end, signal);
    this.#rows = [];
    for (let at = 0; at < shown.length; at += rowSize)
      this.#rows.push(hexLine(shown.subarray(at, at + rowSize), this.#top + at, rowSize, bytes.size));
  }

  /** Moves by rows, but not beyond the last page. */
  async #move(by: number, size: ScreenSize, signal: AbortSignal): Promise<void> {
    const { bytes } = this.file;
    const { columns } = size;
    if (by === Number.NEGATIVE_INFINITY) this.#top = 0;
    else if (by === Number.POSITIVE_INFINITY) this.#top = await this.#lastTop(size, signal);
    else if (this.#mode === 'text') {
      const pages = new TextPages(bytes, signal);
      if (by < 0) this.#top = (await pages.linesBefore(this.#top, -by, columns))[0]?.start ?? 0;
      else {
        const lines = await pages.linesFrom(this.#top, by + bodyRows(size), columns);
        const isShort = lines.length < by + bodyRows(size);
        this.#top = isShort ? await this.#lastTop(size, signal) : lines[by]!.start;
      }
    } else {
      const moved = this.#top + by * hexRowSize(columns, bytes.size);
      this.#top = Math.max(0, Math.min(moved, await this.#lastTop(size, signal)));
    }
  }

  /** @param offset shown in the first row */
  async #moveTo(offset: number, { columns }: ScreenSize, signal: AbortSignal): Promise<void> {
    if (this.#mode === 'text')
      this.#top = await new TextPages(this.file.bytes, signal).rowStart(offset, columns);
    else this.#top = offset - (offset % hexRowSize(columns, this.file.bytes.size));
  }

  /** Returns the offset of the first row of the last page. */
  async #lastTop(size: ScreenSize, signal: AbortSignal): Promise<number> {
    const { bytes } = this.file;
    const count = bodyRows(size);
    if (this.#mode === 'text') {
      const lines = await new TextPages(bytes, signal).linesBefore(bytes.size, count, size.columns);
      return lines[0]?.start ?? 0;
    }
    const rowSize = hexRowSize(size.columns, bytes.size);
    return Math.max(0, (Math.ceil(bytes.size / rowSize) - count) * rowSize);
  }

  #status(): string {
    const { size } = this.file.bytes;
    const percent = size === 0 ? 100 : Math.floor((this.#end / size) * 100);
    return `${formatSize(size)}  ${this.#mode ?? ''}  offset ${this.#top}  ${percent}%`;
  }
}

/** Rows of a screen that show the file. */
function bodyRows({ rows }: ScreenSize): number {
  return frameRows([TITLE], [KEYS, STATUS], rows).bodyRows;
}
