import type { Writable } from 'node:stream';
import { abortable } from './tasks/abortable.js';

/** Bytes of the longest content that is written at once. */
const COPY_SIZE = 1024 * 1024;
/** Maximum idle copies; a fast reader needs one. */
const SPARE_COPIES = 4;

/** Writes copies of bytes to a stream: the caller may change its own at once. */
export class CopyingWriter {
  // Reused: V8 would free a copy for each write only after tens of MiB (measured).
  readonly #spare: Buffer[] = [];

  /** @param broken aborted when writing has failed */
  constructor(
    private readonly stream: Writable,
    private readonly broken: AbortSignal,
  ) {}

  /** The stream keeps what it can't write yet: callers await `flushed` now and then. */
  write(bytes: Uint8Array): void {
    if (bytes.length > COPY_SIZE) {
      this.stream.write(Buffer.from(bytes));
      return;
    }
    const copy = this.#spare.pop() ?? Buffer.allocUnsafeSlow(COPY_SIZE);
    copy.set(bytes);
    this.stream.write(copy.subarray(0, bytes.length), () => {
      if (this.#spare.length < SPARE_COPIES) this.#spare.push(copy);
    });
  }

  /** Resolves when all bytes have left this process, or never will; undefined if none waits. */
  flushed(): Promise<void> | undefined {
    if (this.stream.writableLength === 0 || this.broken.aborted) return undefined;
    const written = new Promise<void>((resolve) => this.stream.write('', () => resolve()));
    return abortable(written, this.broken).catch(() => undefined);
  }
}
