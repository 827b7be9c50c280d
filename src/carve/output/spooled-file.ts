import type { ContentSink } from './carve-target.js';

/** Bytes per copy. */
const STEP = 256 * 1024;

/** Storage of one file in a spool. What was never written is zeros. */
export interface SpoolStorage {
  /** @throws LayerslayerError IO_FAILED */
  write(bytes: Uint8Array, offset: number): void;
  /** Returns bytes that are valid until the next call. @throws LayerslayerError IO_FAILED */
  read(offset: number, length: number): Uint8Array;
  release(): void;
}

/** A file that waits until it is certain to be wanted, or until its turn comes. */
export class SpooledFile implements ContentSink {
  #storage: SpoolStorage | undefined;

  constructor(
    private readonly size: number, // bytes
    storage: SpoolStorage,
  ) {
    this.#storage = storage;
  }

  /** @throws LayerslayerError IO_FAILED */
  write(bytes: Uint8Array, offset: number): void {
    this.#storage!.write(bytes, offset);
  }

  /**
   * Writes the whole file to another sink.
   * @param settled called between writes: waits until the sink has drained
   * @throws LayerslayerError IO_FAILED; the sink's error; the signal's reason
   */
  async copyTo(
    sink: ContentSink,
    settled: () => Promise<void> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    for (let at = 0; at < this.size; at += STEP) {
      sink.write(this.#storage!.read(at, Math.min(STEP, this.size - at)), at);
      await settled();
      signal.throwIfAborted();
    }
  }

  /** Returns bytes that are valid until the next call. @throws LayerslayerError IO_FAILED */
  read(offset: number, length: number): Uint8Array {
    return this.#storage!.read(offset, length);
  }

  discard(): void {
    this.#storage?.release();
    this.#storage = undefined;
  }
}
