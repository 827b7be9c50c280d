import { setImmediate as nextTurn } from 'node:timers/promises';
import { printableJson } from '../../../base/text/printable.js';
import type { ProgressDisplay } from '../progress/progress.js';
import type { Output } from './output.js';

/** Lines of one write. Then the reader may catch up. */
const LINES_AT_ONCE = 1000;

/** Characters or bytes of one write: a line may hold a diff of megabytes. */
const SIZE_AT_ONCE = 256 * 1024;

export interface LineReceiver {
  display: Pick<ProgressDisplay, 'result'>;
  output: Pick<Output, 'bytes' | 'flushed'>;
  signal: AbortSignal; // also of the reader's end
}

/**
 * Writes lines to stdout, many at once: a million lines are not a million writes. Waits for a slow
 * reader, so the lines need not fit into memory.
 */
export class LineWriter {
  #lines: string[] = [];
  #contents: Uint8Array[] = []; // behind no lines
  #size = 0; // characters of lines and bytes of contents since the last turn

  constructor(private readonly receiver: LineReceiver) {}

  line(text: string): void {
    if (this.#contents.length > 0) this.#write();
    this.#lines.push(text);
    this.#size += text.length;
  }

  /** One object for programs. */
  record(record: Record<string, unknown>): void {
    this.line(printableJson(record));
  }

  /** Content of an image, byte for byte. The caller does not change it before the next turn. */
  bytes(content: Uint8Array): void {
    if (this.#lines.length > 0) this.#write();
    this.#contents.push(content);
    this.#size += content.length;
  }

  /** Lets the reader catch up, if there is much to read. @throws the signal's reason */
  turn(): Promise<void> | undefined {
    const isMany = Math.max(this.#lines.length, this.#contents.length) >= LINES_AT_ONCE;
    return isMany || this.#size >= SIZE_AT_ONCE ? this.flush() : undefined;
  }

  /** Writes what is left. Resolves when the reader has it. @throws the signal's reason */
  async flush(): Promise<void> {
    this.#write();
    this.#size = 0;
    await this.receiver.output.flushed();
    await nextTurn(); // a pipe reports its reader's end by then
    this.receiver.signal.throwIfAborted();
  }

  #write(): void {
    const { display, output } = this.receiver;
    if (this.#lines.length > 0) display.result(this.#lines.join('\n'));
    if (this.#contents.length > 0) output.bytes(Buffer.concat(this.#contents));
    this.#lines = [];
    this.#contents = [];
  }
}

/** Writes all lines, and waits for their reader. @throws the signal's reason */
export async function writeLines(lines: Iterable<string>, receiver: LineReceiver): Promise<void> {
  const writer = new LineWriter(receiver);
  for (const line of lines) {
    writer.line(line);
    await writer.turn();
  }
  await writer.flush();
}
