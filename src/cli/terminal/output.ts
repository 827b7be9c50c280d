import { setImmediate as nextTurn } from 'node:timers/promises';
import { asLayerslayerError, type ErrorRecord } from '../../base/errors.js';
import { LogFile } from '../../base/log-file.js';
import { printable, printableJson, showRawBytes } from '../../base/text/printable.js';
import { errorText } from '../process/exit-status.js';

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

export interface OutputChoices {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
}

/** Clears the last `count` lines (ECMA-48 CUU, ED), and a `^C` that the terminal has added. */
const clearLines = (count: number) => (count === 0 ? '' : `\r\x1b[${count}A\x1b[J`);

const NEWLINE = 0x0a;

/** Lines that wait for a terminal: a registry decides how many warnings there are. */
const HELD_MAX = 100;

/** Text for a sink that must not get it yet. */
interface HeldText {
  sink: TextSink;
  text: string | Uint8Array;
}

/** Returns a sink that collects the last lines for another one. */
function holding(sink: TextSink, held: HeldText[]): TextSink {
  return {
    isTerminal: false,
    columns: sink.columns,
    rows: sink.rows,
    write(text) {
      held.push({ sink, text });
      if (held.length > HELD_MAX) held.shift();
    },
  };
}

/** Results go to stdout, everything else to stderr, and all of it to the `--log-file`. */
export class Output {
  readonly #stdout: TextSink;
  readonly #stderr: TextSink;
  #tee: LogFile | undefined;
  #liveLines = 0; // on the terminal, above the cursor
  #liveEnded = false; // others may have written below or above live lines
  /** Lines for a terminal that a full screen has; undefined: none has it. */
  #held: HeldText[] | undefined;
  #isMidLine = false; // the terminal shows content that has no newline at its end
  /** Aborted when results can no longer be written, so that their producer stops. */
  readonly broken: AbortSignal;
  choices: OutputChoices = { json: false, quiet: false, verbose: false };

  constructor(stdout: TextSink, stderr: TextSink) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.broken = stdout.broken ?? new AbortController().signal;
  }

  /** For prompts, which redraw themselves: text goes unchanged to stderr, not to the log file. */
  get terminal(): TextSink {
    return this.#stderr;
  }

  /**
   * Whether live lines can be redrawn in place. They can't on a dumb terminal, and no more after
   * content or a result that moves the cursor of the same terminal unseen.
   */
  get canDrawLive(): boolean {
    return this.#stderr.isTerminal && this.#stderr.isDumb !== true && !this.#liveEnded && !this.#held;
  }

  /**
   * Holds back lines for the terminal while a full screen is on it, which they would damage. Other
   * readers and the log file get theirs at once.
   * @returns prints the last lines that were held, and ends it
   */
  holdTerminal(): () => void {
    this.clearLive();
    const held: HeldText[] = [];
    this.#held = held;
    return () => {
      this.#held = undefined;
      for (const { sink, text } of held) sink.write(text);
      held.length = 0;
    };
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
   * @throws LayerslayerError IO_FAILED if some results were not written (a full disk)
   */
  async settled(): Promise<void> {
    await this.flushed();
    await this.#stderr.flushed?.();
    await nextTurn(); // a pipe reports its faults by then
    const fault: unknown = this.broken.reason;
    if (this.broken.aborted && asLayerslayerError(fault).code === 'IO_FAILED') throw fault;
  }

  /**
   * Resolves when results have left this process: a pipe takes 64 KiB, other text waits in memory.
   * Producers of long output await it now and then.
   */
  flushed(): Promise<void> | undefined {
    return this.#stdout.flushed?.();
  }

  /** @throws LayerslayerError IO_FAILED when it can't be opened */
  teeTo(path: string): void {
    this.#tee = new LogFile(path);
  }

  /** Lines of a result. */
  result(text: string): void {
    this.#liveEnded ||= this.#stdout.isPipe === true;
    this.#line(this.#stdout, showRawBytes(text));
  }

  /** Prints a result for programs, on one line without `indent` (spaces per level). */
  json(value: unknown, indent?: number): void {
    this.result(printableJson(value, indent));
  }

  /** Content of an image, byte for byte: to stdout only. */
  bytes(content: Uint8Array): void {
    if (content.length === 0) return;
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

  #line(sink: TextSink, text: string): void {
    if (this.#held && sink.isTerminal) sink = holding(sink, this.#held);
    this.clearLive();
    const start = this.#isMidLine && sink.isTerminal ? '\n' : '';
    if (sink.isTerminal) this.#isMidLine = false;
    sink.write(`${start}${text}\n`);
    this.#tee?.write(text);
  }
}
