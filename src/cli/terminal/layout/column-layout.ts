/** Spaces between columns. */
const GAP = 2;

/** Columns that GNU `ls` plans with at least: a name of one letter, and the gap. */
const COLUMN_MIN = 3;

/** A cell's text, and the terminal columns that it takes. */
export interface Cell {
  text: string;
  width: number;
}

/**
 * Returns the lines of cells in as many columns as fit, filled from top to bottom: GNU `ls -C`.
 * @param lineWidth columns of the terminal
 */
export function columnLines(cells: readonly Cell[], lineWidth: number): string[] {
  const { rows, columns } = layOut(cells, lineWidth);
  return Array.from({ length: rows }, (_, row) => {
    let line = '';
    for (let column = 0, at = row; at < cells.length; column++, at += rows) {
      const { text, width } = cells[at]!;
      const isLast = at + rows >= cells.length;
      line += isLast ? text : text + ' '.repeat(columns[column]! - width);
    }
    return line;
  });
}

function layOut(cells: readonly Cell[], lineWidth: number): { rows: number; columns: number[] } {
  const most = Math.min(cells.length, Math.ceil(lineWidth / COLUMN_MIN));
  for (let count = most; count > 1; count--) {
    const rows = Math.ceil(cells.length / count);
    // With that many rows the last columns would be empty: fewer columns look the same.
    if (Math.ceil(cells.length / rows) < count) continue;
    const columns = columnWidths(cells, rows, count);
    // The line's last place stays empty, as in GNU's: some terminals wrap there.
    if (columns.reduce((sum, width) => sum + width, 0) < lineWidth) return { rows, columns };
  }
  return { rows: cells.length, columns: [] };
}

/** Returns the widths of columns, each but the last with its gap. */
function columnWidths(cells: readonly Cell[], rows: number, count: number): number[] {
  const columns: number[] = new Array(count).fill(COLUMN_MIN);
  for (const [i, { width }] of cells.entries()) {
    const column = Math.floor(i / rows);
    const gap = column === count - 1 ? 0 : GAP;
    columns[column] = Math.max(columns[column]!, width + gap);
  }
  return columns;
}
