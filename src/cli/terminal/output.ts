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
  readonly columns: number;
  readonly rows: number;
}

export interface OutputChoices {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
}

/** Results go to stdout, everything else to stderr, and all of it to the `--log-file`. */
export class Output {
  readonly #stdout: TextSink;
  readonly #stderr: TextSink;
  #tee: LogFile | undefined;
  /** Aborted when results can no longer be written, so that their producer stops. */
  readonly broken: AbortSignal;
  choices: OutputChoices = { json: false, quiet: false, verbose: false };

  constructor(stdout: TextSink, stderr: TextSink) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.broken = stdout.broken ?? new AbortController().signal;
  }

  /** For progress, which redraws itself: text goes unchanged to stderr, not to the log file. */
  get terminal(): TextSink {
    return this.#stderr;
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
    this.#line(this.#stdout, showRawBytes(text));
  }

  /** Prints a result for programs, on one line without `indent` (spaces per level). */
  json(value: unknown, indent?: number): void {
    this.result(printableJson(value, indent));
  }

  /** Content of an image, byte for byte: to stdout only. */
  bytes(content: Uint8Array): void {
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
    sink.write(`${text}\n`);
    this.#tee?.write(text);
  }
}
