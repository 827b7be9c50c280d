import type { LogLevel } from '../../../base/log.js';
import { printable } from '../../../base/text/printable.js';
import type { LayerProgress } from '../../../engine/image-session.js';
import type { Output } from '../output/output.js';
import { type ProgressState, plainLine, renderProgress } from './progress-lines.js';
import { INDEXING, type ProgressWords } from './progress-words.js';
import { TransferRate } from './transfer-rate.js';

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
    this.#state = { layers: 0, byLayer: new Map(), rates: new Map(), words };
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
    this.#measure(progress);
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

  #measure({ layer, state, doneBytes, totalBytes }: LayerProgress): void {
    const { rates } = this.#state;
    if (state !== 'indexing') {
      rates.delete(layer);
      return;
    }
    const rate = rates.get(layer) ?? new TransferRate();
    rates.set(layer, rate);
    rate.add(doneBytes, totalBytes, this.#now());
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
