import type { LayerProgress } from '../engine/image-session.js';
import { cutText } from './cut-text.js';
import { formatSize } from './size.js';

/** What a bar calls the work on a layer. */
export interface ProgressWords {
  running: string; // `indexing 28.3 MiB`
  done: string; // `indexed, 28.3 MiB`
}

export const INDEXING: ProgressWords = { running: 'indexing', done: 'indexed' };

export const SAVING: ProgressWords = { running: 'saving', done: 'saved' };

/** What is known of the layers so far. */
export interface ProgressState {
  layers: number; // of the image; 0 until it is resolved
  byLayer: Map<number, LayerProgress>;
  notice?: string; // shown below the bars
  words: ProgressWords;
}

/** Room for a line: one column stays free, else terminals wrap the cursor. */
const COLUMNS_MAX = 79;
const COLUMNS_MIN = 20;

/** `12.3 MiB / 1023.9 MiB`, right-aligned. */
const AMOUNT_WIDTH = 23;

const BAR_MIN = 5;

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

function barLine(
  progress: LayerProgress,
  { layers, words }: ProgressState,
  labelColumns: number,
  width: number,
): string {
  const label = `layer ${progress.layer}/${layers}`.padEnd(labelColumns);
  if (progress.state !== 'indexing') return cutText(`${label}  ${outcome(progress, words)}`, width);
  const { totalBytes } = progress;
  // Never past the end: a resumed transfer may count bytes twice. An empty blob is at its end.
  const doneBytes = Math.min(progress.doneBytes, totalBytes);
  const amount = `${formatSize(doneBytes)} / ${formatSize(totalBytes)}`.padStart(AMOUNT_WIDTH);
  const room = width - label.length - amount.length - 5; // brackets and gaps
  if (room < BAR_MIN) return cutText(`${label} ${amount.trimStart()}`, width);
  const filled = totalBytes === 0 ? room : Math.floor((doneBytes / totalBytes) * room);
  return `${label}  [${'#'.repeat(filled)}${'-'.repeat(room - filled)}] ${amount}`;
}
