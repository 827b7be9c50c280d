import type { LayerProgress } from '../../../engine/image-session.js';
import { cutText } from '../layout/cut-text.js';
import { formatSize } from '../wording/size.js';
import type { ProgressWords } from './progress-words.js';
import type { TransferFigures, TransferRate } from './transfer-rate.js';

/** What is known of the layers so far. */
export interface ProgressState {
  layers: number; // of the image; 0 until it is resolved
  byLayer: Map<number, LayerProgress>;
  rates: Map<number, TransferRate>; // of layers under way
  notice?: string; // shown below the bars
  words: ProgressWords;
}

/** Room for a line: one column stays free, else terminals wrap the cursor. */
const COLUMNS_MAX = 79;
const COLUMNS_MIN = 20;

/** `1023.9 MiB`: columns of the longest size. */
const SIZE_WIDTH = 10;
/** `100%` */
const PERCENT_WIDTH = 4;
/** `1023.9 MiB/s` */
const SPEED_WIDTH = SIZE_WIDTH + 2;
/** `60 min left` */
const LEFT_WIDTH = 11;

const BAR_MIN = 5;
/** Brackets, and the gap behind them. */
const BAR_FRAME = 4;

/**
 * Returns at most `rows` lines, base layer first, each narrower than `columns`. Lines that scroll
 * away can't be redrawn: if there are too many layers, one line counts those that are done.
 */
export function renderProgress(state: ProgressState, columns: number, rows: number): string[] {
  const width = Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, columns - 1));
  const all = [...state.byLayer.values()].sort((a, b) => a.layer - b.layer);
  const tail = state.notice === undefined ? [] : [cutText(state.notice, width)];
  const room = Math.max(1, rows - 1 - tail.length);
  const label = `layer ${state.layers}/${state.layers}`.length;
  if (all.length <= room) return [...all.map((layer) => barLine(layer, state, label, width)), ...tail];
  const busy = all.filter((layer) => layer.state !== 'done');
  const shown = busy.slice(0, room - 1).map((layer) => barLine(layer, state, label, width));
  const done = all.length - busy.length;
  const more = busy.length - shown.length;
  const sum = `${done} layers done${more > 0 ? `, ${more} more under way` : ''}`;
  return [cutText(sum, width), ...shown, ...tail];
}

/** Returns one line for a layer that is done or waits for another process. */
export function plainLine(progress: LayerProgress, layers: number, words: ProgressWords): string {
  return `layer ${progress.layer}/${layers}: ${outcome(progress, words)}`;
}

function outcome(progress: LayerProgress, words: ProgressWords): string {
  if (progress.state === 'waiting') return 'waiting for another process';
  if (progress.state === 'indexing') return `${words.running} ${formatSize(progress.totalBytes)}`;
  return progress.cached ? `already ${words.done}` : `${words.done}, ${formatSize(progress.totalBytes)}`;
}

/**
 * `layer 2/4  [#####-------]  indexing   28.3 MiB   43%    12.1 MiB/s  2 s left`. Columns have
 * fixed widths, so that nothing moves while figures change. Narrow terminals get fewer of them.
 */
function barLine(progress: LayerProgress, state: ProgressState, labelColumns: number, width: number): string {
  const { layers, words, rates } = state;
  const { layer, totalBytes } = progress;
  const label = `layer ${layer}/${layers}`.padEnd(labelColumns);
  if (progress.state !== 'indexing') return cutText(`${label}  ${outcome(progress, words)}`, width);
  // Never past the end: a resumed transfer may count bytes twice. An empty blob is at its end.
  const done = totalBytes === 0 ? 1 : Math.min(1, progress.doneBytes / totalBytes);
  const task = `${words.running} ${formatSize(totalBytes).padStart(SIZE_WIDTH)}`;
  const percent = `${Math.floor(done * 100)}%`.padStart(PERCENT_WIDTH);
  const figures = rates.get(layer)?.shown;
  const speed = speedText(figures).padStart(SPEED_WIDTH);
  const left = leftText(figures).padEnd(LEFT_WIDTH);
  for (const texts of [
    [task, percent, speed, left],
    [percent, speed, left],
  ]) {
    const text = texts.join('  ');
    const room = width - label.length - 2 - BAR_FRAME - text.length;
    if (room >= BAR_MIN) return `${label}  ${bar(done, room)}  ${text}`.trimEnd();
  }
  const short = `${layer}/${layers}`.padStart(labelColumns - 'layer '.length);
  for (const texts of [
    [label, percent, speed, left],
    [short, percent, speed, left],
  ]) {
    const text = texts.join(' ');
    if (text.length <= width) return text.trimEnd();
  }
  return cutText(`${short} ${percent} ${speed.trim()}`.trimEnd(), width);
}

function bar(done: number, room: number): string {
  const filled = Math.floor(done * room);
  return `[${'#'.repeat(filled)}${'-'.repeat(room - filled)}]`;
}

/** `12.1 MiB/s`; nothing before it is known. */
function speedText(figures: TransferFigures | undefined): string {
  return figures === undefined ? '' : `${formatSize(Math.round(figures.bytesPerSecond))}/s`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `2 s left`, `5 min left`, `3 h left`: never less than it takes at this speed. */
function leftText({ msLeft }: Partial<TransferFigures> = {}): string {
  if (msLeft === undefined) return '';
  if (msLeft < MINUTE_MS) return `${Math.max(1, Math.ceil(msLeft / 1000))} s left`;
  if (msLeft < HOUR_MS) return `${Math.ceil(msLeft / MINUTE_MS)} min left`;
  return `${Math.ceil(msLeft / HOUR_MS)} h left`;
}
