import { columnsOf, cutText } from '../../../../terminal/layout/cut-text.js';

/** `cursor`: the chosen row; `faint`: what is not in the view, or not the content itself. */
export type LineStyle = 'plain' | 'cursor' | 'title' | 'faint';

/** One row of the screen. */
export interface ScreenLine {
  text: string; // printable, as wide as the screen
  style: LineStyle;
}

export interface ScreenSize {
  columns: number; // 1 or more
  rows: number; // 1 or more
}

/** Returns a line of exactly so many columns: cut, or filled up with spaces. */
export function fitted(text: string, columns: number): string {
  const cut = cutText(text, columns);
  return cut + ' '.repeat(Math.max(0, columns - columnsOf(cut)));
}

/** Returns the end of a text that fits, with `…` before it: of a path, the end matters. */
export function cutStart(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  const points = Array.from(text);
  let left = columns - 1;
  let first = points.length;
  while (first > 0 && left >= columnsOf(points[first - 1]!)) left -= columnsOf(points[--first]!);
  return `…${points.slice(first).join('')}`;
}

/** Returns both ends of a text that fit, with `…` between them: a message has a path at its end. */
export function cutMiddle(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  const end = cutStart(text, Math.ceil(columns / 2));
  return `${cutText(text, columns - columnsOf(end) + 1).slice(0, -1)}${end}`;
}

/** Breaks a text into lines of at most so many columns; one line at least. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const one of text) {
    const width = columnsOf(one);
    if (used + width > columns && line !== '') {
      lines.push(line);
      line = '';
      used = 0;
    }
    line += one;
    used += width;
  }
  return [...lines, line];
}

/**
 * Returns a whole screen: the body, filled up, with lines above and below it. If the screen is
 * too small for all, the body is what stays.
 */
export function framed(
  parts: { above: readonly ScreenLine[]; body: readonly ScreenLine[]; below: readonly ScreenLine[] },
  size: ScreenSize,
): ScreenLine[] {
  const { above, below, bodyRows } = frameRows(parts.above, parts.below, size.rows);
  const body = parts.body.slice(0, bodyRows);
  const blank: ScreenLine = { text: '', style: 'plain' };
  const filled = [...body, ...Array.from({ length: bodyRows - body.length }, () => blank)];
  return [...above, ...filled, ...below].map(({ text, style }) => ({
    text: fitted(text, size.columns),
    style,
  }));
}

/** Rows of the body at least. */
const BODY_MIN = 3;

/** Returns the lines that have room around the body: the last of those below are kept longest. */
export function frameRows(
  above: readonly ScreenLine[],
  below: readonly ScreenLine[],
  rows: number,
): { above: readonly ScreenLine[]; below: readonly ScreenLine[]; bodyRows: number } {
  const room = Math.max(0, rows - Math.min(BODY_MIN, rows));
  const keptBelow = below.slice(Math.max(0, below.length - room));
  const keptAbove = above.slice(0, room - keptBelow.length);
  return { above: keptAbove, below: keptBelow, bodyRows: rows - keptAbove.length - keptBelow.length };
}
