import type { FileBytes } from './file-bytes.js';
import { type TextLine, textLines } from './text-lines.js';

const NEWLINE = 0x0a;

/**
 * Bytes that are searched backward for the start of a line. In a longer line, rows upward may be
 * broken elsewhere than rows downward: a file can be one line of 4 GB.
 */
const LOOK_BACK = 32 * 1024;

/** Rows of a file as text, from any offset, up and down. Reads only what they need. */
export class TextPages {
  constructor(
    private readonly bytes: FileBytes,
    private readonly signal: AbortSignal,
  ) {}

  /** Returns at most `count` rows. @param start where a row starts */
  async linesFrom(start: number, count: number, columns: number): Promise<TextLine[]> {
    const { size } = this.bytes;
    // A character takes a column at least, and four bytes at most.
    for (let length = count * columns; ; length *= 4) {
      const end = Math.min(size, start + length);
      const bytes = await this.bytes.read(start, end, this.signal);
      const lines = textLines(bytes, start, columns, end === size);
      if (lines.length >= count || end === size) return lines.slice(0, count);
    }
  }

  /** Returns the last rows that end at an offset, `count` of them if there are as many. */
  async linesBefore(end: number, count: number, columns: number): Promise<TextLine[]> {
    let lines: TextLine[] = [];
    for (let at = end; at > 0 && lines.length < count; at = lines[0]!.start) {
      const start = await this.#lineStart(at);
      const bytes = await this.bytes.read(start, at, this.signal);
      lines = [...textLines(bytes, start, columns, true), ...lines];
    }
    return lines.slice(-count);
  }

  /** Returns where the row starts that shows the byte at an offset. */
  async rowStart(offset: number, columns: number): Promise<number> {
    if (offset <= 0) return 0;
    const start = await this.#lineStart(offset + 1);
    const bytes = await this.bytes.read(start, offset + columns * 4, this.signal);
    const rows = textLines(bytes, start, columns, true);
    return rows.findLast((row) => row.start <= offset)?.start ?? start;
  }

  /** Returns the start of the line that has the byte before `end`, or of what is read of it. */
  async #lineStart(end: number): Promise<number> {
    const start = Math.max(0, end - 1 - LOOK_BACK);
    const bytes = await this.bytes.read(start, end - 1, this.signal);
    const newline = bytes.lastIndexOf(NEWLINE);
    if (newline !== -1) return start + newline + 1;
    if (start === 0) return 0;
    // Not amid a character.
    const first = bytes.subarray(0, 4).findIndex((byte) => byte >> 6 !== 2);
    return start + Math.max(0, first);
  }
}
