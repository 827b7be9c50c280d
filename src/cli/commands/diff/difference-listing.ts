import { printableJson } from '../../../base/text/printable.js';
import type { Output } from '../../terminal/output/output.js';
import type { ProgressDisplay } from '../../terminal/progress/progress.js';

/** Lines written at once; then the reader may catch up. */
const LINES_AT_ONCE = 1000;

/** Characters or bytes written at once: a line may hold a diff of megabytes. */
const SIZE_AT_ONCE = 256 * 1024;

/** Writes the lines of a `diff`, many at once. */
export class DifferenceListing {
  #lines: string[] = [];
  #size = 0; // characters of lines and bytes of contents since the last turn

  constructor(
    private readonly display: ProgressDisplay,
    private readonly output: Output,
    private readonly signal: AbortSignal,
  ) {}

  line(text: string): void {
    this.#lines.push(text);
    this.#size += text.length;
  }

  record(record: Record<string, unknown>): void {
    this.line(printableJson(record));
  }

  /** Content of an image, byte for byte. */
  bytes(content: Uint8Array): void {
    this.#write();
    this.output.bytes(content);
    this.#size += content.length;
  }

  /** Lets the reader catch up, if there is much to read. @throws the signal's reason */
  turn(): Promise<void> | undefined {
    const isMuch = this.#lines.length >= LINES_AT_ONCE || this.#size >= SIZE_AT_ONCE;
    return isMuch ? this.flush() : undefined;
  }

  /** Writes what is left. @throws the signal's reason */
  async flush(): Promise<void> {
    this.#write();
    this.#size = 0;
    await this.output.flushed();
    this.signal.throwIfAborted();
  }

  #write(): void {
    if (this.#lines.length > 0) this.display.result(this.#lines.join('\n'));
    this.#lines = [];
  }
}
