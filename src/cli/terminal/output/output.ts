import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { asLayerslayerError, type ErrorRecord } from '../../../base/errors.js';
import { LogFile } from '../../../base/log-file.js';
import { abortable } from '../../../base/tasks/abortable.js';
import { printable, printableJson, showRawBytes } from '../../../base/text/printable.js';
import { errorText } from '../../process/exit-status.js';

/** A receiver of text: stdout, stderr, or a test's memory. */
export interface TextSink {
  /** Aborted when writing ended: with ABORTED if the reader is gone, else with IO_FAILED. */
  readonly broken?: AbortSignal;
  /** Bytes are taken as they are now: the caller may change them afterwards. */
  write(text: string | Uint8Array): void;
  /** Resolves when all text has left this process, or never will; undefined if none waits. */
  flushed?(): Promise<void> | undefined;
  readonly isTerminal: boolean;
  /** A terminal that can't move its cursor: `TERM=dumb`. */
  readonly isDumb?: boolean;
  /** A pipe: its reader may write to our terminal, at any time (`… | sed`, a pager). */
  readonly isPipe?: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** A program that shows results page by page, on the terminal of stdout. */
export interface Pager extends Pick<TextSink, 'write'> {
  /** False after its end, or if it could not be started: then the terminal gets what is written. */
  readonly isRunning: boolean;
  /** Aborted with ABORTED when the user has left it. */
  readonly broken: AbortSignal;
  flushed(): Promise<void> | undefined;
  /** Ends the results. Resolves when the user has left the pager. */
  close(): Promise<void>;
}

export interface OutputChoices {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
}

/** Clears the last `count` lines (ECMA-48 CUU, ED), and a `^C` that the terminal has added. */
const clearLines = (count: number) => (count === 0 ? '' : `\r\x1b[${count}A\x1b[J`);

const NEWLINE = 0x0a;

/** Lines for the terminal that wait for the end of a pager, or of a full screen. */
const HELD_MAX = 1000;

/** Results go to stdout, everything else to stderr, and all of it to the `--log-file`. */
export class Output {
  readonly #stdout: TextSink;
  readonly #stderr: TextSink;
  #tee: LogFile | undefined;
  #liveLines = 0; // on the terminal, above the cursor
  #liveEnded = false; // others may have written below or above live lines
  #isMidLine = false; // the terminal shows content that has no newline at its end
  readonly #broken = new AbortController();
  #openPager: ((terminal: TextSink) => Pager) | undefined; // until the first result
  #pager: Pager | undefined;
  #hasFullScreen = false;
  #stopped: AbortSignal | undefined;
  readonly #held: string[] = [];
  #moreHeld = 0;
  choices: OutputChoices = { json: false, quiet: false, verbose: false };

  constructor(stdout: TextSink, stderr: TextSink) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    if (stdout.broken) this.#follow(stdout.broken);
  }

  /** Aborted when results can no longer be written, so that their producer stops. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  /**
   * Shows results in a pager from the first one on, until `endPaging`. Meanwhile no live lines are
   * drawn, and the terminal gets other lines afterwards: they would garble the pager's screen.
   */
  pageResults(open: (terminal: TextSink) => Pager): void {
    this.#openPager = open;
  }

  get isPaging(): boolean {
    return this.#pager?.isRunning === true;
  }

  /** Waits until the user has left the pager, if there is one. */
  async endPaging(): Promise<void> {
    this.#openPager = undefined;
    await this.#pager?.close();
    this.#pager = undefined;
    this.#showHeld();
  }

  /**
   * Holds back lines for the terminal while a full screen is on it, which they would garble. Other
   * readers and the log file get theirs at once.
   * @returns ends it, and shows the lines
   */
  holdTerminal(): () => void {
    this.clearLive();
    this.#hasFullScreen = true;
    return () => {
      this.#hasFullScreen = false;
      this.#showHeld();
    };
  }

  /** For prompts, which redraw themselves: text goes unchanged to stderr, not to the log file. */
  get terminal(): TextSink {
    return this.#stderr;
  }

  /**
   * Whether live lines can be redrawn in place. They can't on a dumb terminal, and no more after
   * content or a result that moves the cursor of the same terminal unseen, as a pager does.
   */
  get canDrawLive(): boolean {
    const canMove = this.#stderr.isTerminal && this.#stderr.isDumb !== true;
    return canMove && !this.#liveEnded && !this.#hasFullScreen;
  }

  /** Whether live lines are on the terminal. */
  get hasLive(): boolean {
    return this.#liveLines > 0;
  }

  /** Replaces the live lines on the terminal. All other output removes them first. */
  drawLive(lines: readonly string[]): void {
    if (!this.canDrawLive) return;
    // One write: a redraw that arrives in halves flickers.
    this.#stderr.write(clearLines(this.#liveLines) + lines.map((line) => `${line}\n`).join(''));
    this.#liveLines = lines.length;
  }

  clearLive(): void {
    if (this.#liveLines > 0) this.#stderr.write(clearLines(this.#liveLines));
    this.#liveLines = 0;
  }

  /** Width of the terminal that shows the results; undefined if they go elsewhere. */
  get resultColumns(): number | undefined {
    return this.#stdout.isTerminal ? this.#stdout.columns : undefined;
  }

  /**
   * Resolves when everything was written that can be. A reader that has ended is no fault.
   * @param patienceMs the longest wait for a reader that takes nothing; default: no limit
   * @throws LayerslayerError IO_FAILED if some results were not written (a full disk)
   */
  async settled(patienceMs?: number): Promise<void> {
    const all = async () => {
      await this.#resultsFlushed();
      await this.#stderr.flushed?.();
    };
    await (patienceMs === undefined ? all() : Promise.race([all(), sleep(patienceMs)]));
    await nextTurn(); // a pipe reports its faults by then
    const fault: unknown = this.broken.reason;
    if (this.broken.aborted && asLayerslayerError(fault).code === 'IO_FAILED') throw fault;
  }

  /**
   * Resolves when results have left this process: a pipe takes 64 KiB, other text waits in memory.
   * Producers of long output await it now and then.
   */
  flushed(): Promise<void> | undefined {
    const flushed = this.#resultsFlushed();
    if (flushed === undefined || this.#stopped === undefined) return flushed;
    return abortable(flushed, this.#stopped).catch(() => {}); // producers check the signal
  }

  /** Makes `flushed` resolve when the signal aborts: a reader may take nothing more. */
  stopWaitingOn(signal: AbortSignal): void {
    this.#stopped = signal;
  }

  #resultsFlushed(): Promise<void> | undefined {
    return this.#pager ? this.#pager.flushed() : this.#stdout.flushed?.();
  }

  /** @throws LayerslayerError IO_FAILED when it can't be opened */
  teeTo(path: string): void {
    this.#tee = new LogFile(path);
  }

  /** Lines of a result. */
  result(text: string): void {
    this.#liveEnded ||= this.#stdout.isPipe === true;
    const shown = showRawBytes(text);
    const pager = this.#openedPager();
    if (pager === undefined) this.#line(this.#stdout, shown);
    else {
      pager.write(`${shown}\n`);
      this.#tee?.write(shown);
    }
  }

  /** Prints a result for programs, on one line without `indent` (spaces per level). */
  json(value: unknown, indent?: number): void {
    this.result(printableJson(value, indent));
  }

  /** As `result`, for a text with a secret: the log file gets `logged` instead. */
  secretResult(text: string, logged: string): void {
    this.#line(this.#stdout, showRawBytes(text), showRawBytes(logged));
  }

  /** As `json`, for a value with a secret. */
  secretJson(value: unknown, logged: unknown): void {
    this.secretResult(printableJson(value), printableJson(logged));
  }

  /** Content of an image, byte for byte: to stdout only. */
  bytes(content: Uint8Array): void {
    if (content.length === 0) return;
    const pager = this.#openedPager();
    if (pager !== undefined) {
      pager.write(content);
      return;
    }
    this.clearLive();
    const { isTerminal, isPipe } = this.#stdout;
    this.#liveEnded ||= isTerminal || isPipe === true;
    this.#isMidLine = isTerminal && content.at(-1) !== NEWLINE;
    this.#stdout.write(content);
  }

  /** One line for people. */
  note(message: string): void {
    this.#line(this.#stderr, printable(message));
  }

  /** One line; with `--json` one object; the stack only with `--verbose`. */
  error(error: ErrorRecord): void {
    this.#line(this.#stderr, errorText(error, this.choices));
  }

  #line(sink: TextSink, text: string, logged = text): void {
    this.clearLive();
    const start = this.#isMidLine && sink.isTerminal ? '\n' : '';
    if (sink.isTerminal) this.#isMidLine = false;
    const line = `${start}${text}\n`;
    const isHeld = sink.isTerminal && (this.isPaging || this.#hasFullScreen);
    if (!isHeld) sink.write(line);
    else if (this.#held.length < HELD_MAX) this.#held.push(line);
    else this.#moreHeld++;
    this.#tee?.write(stripVTControlCharacters(logged)); // colours are for the terminal
  }

  #showHeld(): void {
    for (const line of this.#held.splice(0)) this.#stderr.write(line);
    if (this.#moreHeld > 0) this.#stderr.write(`${this.#moreHeld} more lines\n`);
    this.#moreHeld = 0;
  }

  #openedPager(): Pager | undefined {
    if (this.#openPager === undefined) return this.#pager;
    this.clearLive();
    this.#liveEnded = true;
    this.#pager = this.#openPager(this.#stdout);
    this.#openPager = undefined;
    this.#follow(this.#pager.broken);
    return this.#pager;
  }

  /** Ends with another signal. */
  #follow(signal: AbortSignal): void {
    const end = () => this.#broken.abort(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  }
}
