import { LayerslayerError } from '../../base/errors.js';
import type { FileStream } from '../../engine/layer.js';
import { onAbort } from '../operations/caller-signals.js';
import type { Operation, Operations } from '../operations/operations.js';

/** Opens a file's bytes. */
export type OpenChunks = (signal: AbortSignal) => Promise<FileStream>;

/** The chunks of a stream, one operation until the end. The process is held while one is read. */
export class ContentChunks {
  readonly #operation: Operation;
  readonly #stop = new AbortController();
  readonly #open: OpenChunks;
  #chunks: AsyncIterator<Uint8Array> | undefined;

  /**
   * @param onStopped called when the operation is aborted, also between two chunks
   * @throws LayerslayerError ABORTED
   */
  constructor(
    operations: Operations,
    open: OpenChunks,
    signal: AbortSignal | undefined,
    onStopped: (reason: unknown) => void,
  ) {
    this.#operation = operations.begin(signal);
    this.#open = open;
    const { signal: ended } = this.#operation;
    onAbort(ended, () => {
      this.#stop.abort(ended.reason);
      onStopped(ended.reason);
    });
  }

  /** Returns the next chunk, undefined after the last one. @throws LayerslayerError */
  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#operation.step(async () => {
      this.#chunks ??= (await this.#open(this.#stop.signal))[Symbol.asyncIterator]();
      return this.#chunks.next();
    });
    if (!done) return value;
    this.end();
    return undefined;
  }

  /** Ends the operation. A read under way fails. */
  end(): void {
    this.#stop.abort(new LayerslayerError('ABORTED', 'the stream was destroyed'));
    this.#operation.end();
  }
}
