import { printableName } from '../../../../../base/text/printable-name.js';
import { modeText, nameText, sizeText } from '../../../../../image/records/entry-lines.js';
import { joinPath } from '../../../../../overlay/resolve-path.js';
import { columnsOf, cutText } from '../../../../terminal/layout/cut-text.js';
import { formatSize } from '../../../../terminal/wording/size.js';
import {
  cutMiddle,
  cutStart,
  framed,
  frameRows,
  type ScreenLine,
  type ScreenSize,
} from '../terminal/screen-line.js';
import type { BrowsedTree } from '../tree/browsed-tree.js';
import type { TreeModel } from '../tree/tree-model.js';
import type { TreeRow } from '../tree/tree-rows.js';

/** `-rw-r--r--` */
const MODE_WIDTH = 10;
/** `1023.9 MiB` */
const SIZE_WIDTH = 10;
const LAYER_WIDTH = 5;
/** Below this, a row shows no mode; then no layer. */
const COLUMNS_FOR_MODE = 56;
const COLUMNS_FOR_LAYER = 30;
/** Columns that a name keeps, however deep it stands. */
const NAME_MIN = 16;
const INDENT = 2;

const KEYS = 'Enter open  / search  h hidden  s size  c carve  i info  ? help  q back';

/** What stands around the rows. */
export interface TreeCaption {
  title: string; // printable: image and layers
  /** Below the rows instead of the path: a result, a fault, a question. */
  message?: string | undefined;
}

/** Returns the tree's screen. */
export function treeLines(model: TreeModel, { title, message }: TreeCaption, size: ScreenSize): ScreenLine[] {
  const { columns } = size;
  const path = printableName(joinPath(model.current.names));
  const hidden = model.tree.showsHidden ? ', with hidden entries' : '';
  const above: ScreenLine[] = [
    { text: `${title}${hidden}`, style: 'title' },
    { text: heading(columns), style: 'faint' },
  ];
  const below: ScreenLine[] = [
    { text: KEYS, style: 'faint' },
    {
      text: message === undefined ? cutStart(path, columns) : cutMiddle(message, columns),
      style: message === undefined ? 'plain' : 'title',
    },
  ];
  const { bodyRows } = frameRows(above, below, size.rows);
  const first = model.window(bodyRows);
  const last = Math.min(model.rows.count, first + bodyRows);
  const body: ScreenLine[] = [];
  for (let index = first; index < last; index++) {
    const row = model.rows.at(index);
    const isHidden = model.tree.inodeOf(row.ref) === 0;
    const style = index === model.cursor ? 'cursor' : isHidden ? 'faint' : 'plain';
    body.push({ text: rowText(model.tree, row, columns), style });
  }
  return framed({ above, body, below }, size);
}

/** Rows that the tree has on a screen, for moves by a page. */
export function treePage({ rows }: ScreenSize): number {
  const line: ScreenLine = { text: '', style: 'plain' };
  return frameRows([line, line], [line, line], rows).bodyRows;
}

/** `    2 -rw-r--r--    1.6 KiB     passwd`: the name is last, since its width is not certain. */
function rowText(tree: BrowsedTree, row: TreeRow, columns: number): string {
  const entry = tree.entry(row.ref);
  const { layer, hidden } = tree.place(row.ref);
  const before = columnTexts(columns, {
    layer: layer === 0 ? '-' : String(layer),
    mode: modeText(entry),
    size: directorySize(tree, row) ?? sizeText(entry),
  });
  const room = Math.max(1, columns - before.length);
  const indent = Math.max(0, Math.min(row.depth * INDENT, room - NAME_MIN));
  const mark = !tree.opens(row.ref) ? ' ' : row.isOpen ? '-' : '+';
  const name = row.depth === 0 ? '/' : nameText(entry, tree.name(row.ref));
  const start = `${' '.repeat(indent)}${mark} `;
  const after = hidden ? `  [${hidden.how}, layer ${hidden.hiddenBy}]` : '';
  const nameRoom = room - start.length - columnsOf(after);
  if (nameRoom < NAME_MIN / 2) return `${before}${start}${name}${after}`;
  return `${before}${start}${cutText(name, nameRoom)}${after}`;
}

/** Of all files in it; undefined: no directory, or not known. */
function directorySize(tree: BrowsedTree, row: TreeRow): string | undefined {
  const bytes = tree.opens(row.ref) ? tree.bytesOf(row.ref) : undefined;
  return bytes === undefined ? undefined : formatSize(bytes);
}

function heading(columns: number): string {
  return `${columnTexts(columns, { layer: 'LAYER', mode: 'MODE', size: 'SIZE' })}  NAME`;
}

function columnTexts(columns: number, texts: { layer: string; mode: string; size: string }): string {
  const parts: string[] = [];
  if (columns >= COLUMNS_FOR_LAYER) parts.push(texts.layer.padStart(LAYER_WIDTH));
  if (columns >= COLUMNS_FOR_MODE) parts.push(texts.mode.padEnd(MODE_WIDTH));
  parts.push(texts.size.padStart(SIZE_WIDTH));
  return `${parts.join(' ')} `;
}
