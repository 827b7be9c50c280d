import { closeSync, writeSync } from 'node:fs';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { openOutputStream } from '../../base/output-stream.js';
import { reasonText } from '../../base/system-error-text.js';

/** A device, FIFO or socket that is written to as it is. */
export class StreamFile {
  readonly #ended = new AbortController();

  private constructor(
    private readonly fd: number,
    private readonly shown: string,
  ) {}

  /**
   * @param path absolute
   * @param shown the path in messages
   * @throws LayerslayerError IO_FAILED; the signal's reason
   */
  static async open(path: string, shown: string, signal: AbortSignal): Promise<StreamFile> {
    try {
      return new StreamFile(await openOutputStream(path, signal), shown);
    } catch (error) {
      signal.throwIfAborted();
      throw fault(shown, error);
    }
  }

  /** Aborted when the reader has ended: it wants no more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws LayerslayerError IO_FAILED */
  write(bytes: Uint8Array): void {
    if (this.ended.aborted) return;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    } catch (error) {
      if (systemCode(error) !== 'EPIPE') throw fault(this.shown, error);
      this.#ended.abort(new LayerslayerError('ABORTED', `the reader of ${this.shown} is gone`));
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

function fault(shown: string, error: unknown): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `writing ${shown}: ${reasonText(error)}`, { cause: error });
}
