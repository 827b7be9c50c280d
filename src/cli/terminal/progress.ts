import type { LogLevel } from '../../base/log.js';
import { printable } from '../../base/text/printable.js';
import type { LayerProgress } from '../../engine/image-session.js';
import { cutText } from './cut-text.js';
import type { Output } from './output.js';
import { formatSize } from './size.js';

/** What a bar calls the work on a layer. */
export interface ProgressWords {
  running: string; // `indexing 28.3 MiB`
  done: string; // `indexed, 28.3 MiB`
}

export const INDEXING: ProgressWords = { running: 'indexing', done: 'indexed' };

export const SAVING: ProgressWords = { running: 'saving', done: 'saved' };

/** What is known of the layers so far. */
interface ProgressState {
  layers: number; // of the image; 0 until it is resolved
  byLayer: Map<number, LayerProgress>;
  notice?: string; // shown below the bars
  words: ProgressWords;
}

/** Redrawn at most this often: a serial console can't take more. */
const REDRAW_MS = 100;

/** Warnings shown at most: a hostile layer has one for each of its million entries. */
const WARNINGS_MAX = 10;

/**
 * Shows the progress of layers: bars if live lines can be drawn. Elsewhere (a script, cron), prints
 * a line with `--verbose` when a layer is done or waits. With `--quiet`, prints only warnings.
 */
export class ProgressDisplay {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #state: ProgressState;
  readonly #warnings: string[] = [];
  #moreWarnings = 0;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(
    output: Output,
    { words = INDEXING, now = () => performance.now() }: { words?: ProgressWords; now?: () => number } = {},
  ) {
    this.#output = output;
    this.#state = { layers: 0, byLayer: new Map(), words };
    this.#now = now;
  }

  resolved(layers: number): void {
    this.#state.layers = layers;
  }

  progress(progress: LayerProgress): void {
    const { byLayer, layers, words } = this.#state;
    const before = byLayer.get(progress.layer);
    byLayer.set(progress.layer, progress);
    const { quiet, verbose } = this.#output.choices;
    if (quiet) return;
    const changed = before?.state !== progress.state;
    if (!this.#output.canDrawLive) {
      if (verbose && changed && progress.state !== 'indexing')
        this.#output.note(plainLine(progress, layers, words));
      return;
    }
    // Cached indexes are read at once: bars for them would only flicker.
    if (!this.#output.hasLive && progress.cached) return;
    if (changed || this.#now() - this.#drawnMs >= REDRAW_MS) this.#draw();
  }

  /** Shows a message below the bars, until the next one. */
  notice(message: string): void {
    if (this.#isQuiet) return;
    if (this.#output.canDrawLive) {
      this.#state.notice = printable(message);
      this.#draw();
    } else this.#output.note(message);
  }

  /** Prints a permanent line above the bars; not with `--quiet`. */
  say(message: string): void {
    if (!this.#isQuiet) this.warn(message);
  }

  /** Prints the result line of a command with an effect; not with `--quiet`. */
  done(text: string): void {
    if (!this.#output.choices.quiet) this.result(text);
  }

  /** Prints a warning, also with `--quiet`: content is missing or unverified. */
  warn(message: string): void {
    this.#output.note(message);
    if (this.#state.byLayer.size > 0 && !this.#output.choices.quiet) this.#draw();
  }

  /** Prints a result, perhaps to the same terminal. The bars return with the next progress. */
  result(text: string): void {
    this.#output.result(text);
  }

  /** As `Output.json`, above the bars. */
  json(value: unknown, indent?: number): void {
    this.#output.json(value, indent);
  }

  /** Removes the bars. */
  end(): void {
    this.#output.clearLive();
  }

  /** Logs a message: at once with `--verbose`, else a warning or an error by `showWarnings`. */
  log(level: LogLevel, message: string): void {
    if (this.#output.choices.verbose) this.say(`${level}: ${message}`);
    else if ((level !== 'error' && level !== 'warn') || this.#warnings.includes(message)) return;
    else if (this.#warnings.length < WARNINGS_MAX) this.#warnings.push(message);
    else this.#moreWarnings++;
  }

  /**
   * Shows warnings, equal ones once: each thread that opens a broken cache has its own.
   * @param where all of them are, as `in /path/of.log`
   */
  showWarnings(where: string): void {
    for (const message of this.#warnings) this.#output.note(`warning: ${message}`);
    if (this.#moreWarnings > 0) this.#output.note(`warning: ${this.#moreWarnings} more ${where}`);
  }

  /** `--verbose` overrides `--quiet`. */
  get #isQuiet(): boolean {
    const { quiet, verbose } = this.#output.choices;
    return quiet && !verbose;
  }

  #draw(): void {
    const { columns, rows } = this.#output.terminal;
    this.#output.drawLive(renderProgress(this.#state, columns, rows));
    this.#drawnMs = this.#now();
  }
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
