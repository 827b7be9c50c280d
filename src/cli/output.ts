import { setImmediate as nextTurn } from 'node:timers/promises';
import { asLayerslayerError, type ErrorRecord } from '../base/errors.js';
import { LogFile } from '../base/log-file.js';
import { printable, printableJson, showRawBytes } from '../base/printable.js';
import { errorText } from './error-text.js';

/** A place for text: stdout, stderr, or a test's memory. */
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

/**
 * Output for the user. Results go to stdout, everything else to stderr. With `--log-file` all of it
 * also goes to that file.
 */
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

  /** For what redraws itself (progress): written as it is, and not to the log file. */
  get terminal(): TextSink {
    return this.#stderr;
  }

  /** Width of the terminal that results go to; undefined when they go elsewhere. */
  get resultColumns(): number | undefined {
    return this.#stdout.isTerminal ? this.#stdout.columns : undefined;
  }

  /**
   * Everything was written that can be. A reader that went away wants no more: that is no fault.
   * @throws LayerslayerError IO_FAILED when some of the results were not written (a full disk)
   */
  async settled(): Promise<void> {
    await this.flushed();
    await this.#stderr.flushed?.();
    await nextTurn(); // a pipe reports its faults by then
    const fault: unknown = this.broken.reason;
    if (this.broken.aborted && asLayerslayerError(fault).code === 'IO_FAILED') throw fault;
  }

  /**
   * Resolves when results have left this process. A pipe takes 64 KiB; text that its reader has not
   * taken waits in memory. Producers of long output await it now and then.
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
    const shown = showRawBytes(text);
    this.#stdout.write(`${shown}\n`);
    this.#tee?.write(shown);
  }

  /**
   * Prints a result for programs.
   * @param indent spaces per level; one line when omitted
   */
  json(value: unknown, indent?: number): void {
    this.result(printableJson(value, indent));
  }

  /** Content of an image, byte for byte: to stdout only. */
  bytes(content: Uint8Array): void {
    this.#stdout.write(content);
  }

  /** One line for people. */
  note(message: string): void {
    const line = printable(message);
    this.#stderr.write(`${line}\n`);
    this.#tee?.write(line);
  }

  /** One line; with `--json` one object; the stack only with `--verbose`. */
  error(error: ErrorRecord): void {
    const text = errorText(error, this.choices);
    this.#stderr.write(`${text}\n`);
    this.#tee?.write(text);
  }
}
