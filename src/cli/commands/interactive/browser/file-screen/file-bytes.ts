import { LayerslayerError } from '../../../../../base/errors.js';
import type { Layer } from '../../../../../engine/layer.js';

/** Bytes of a block: some screens of text. */
const BLOCK_SIZE = 64 * 1024;
/** Blocks in memory: what a screen of the largest terminal shows, and what is around it. */
const BLOCKS_MAX = 16;

/** The bytes of a file, fetched in blocks when they are asked for. */
export class FileBytes {
  readonly size: number;
  readonly #blocks = new Map<number, Uint8Array>(); // the one used last at the end

  constructor(
    private readonly layer: Pick<Layer, 'entries' | 'read'>,
    private readonly row: number,
  ) {
    this.size = layer.entries.size(row);
  }

  /**
   * Returns a copy of the bytes from `start` to `end - 1`, cut at the end of the file.
   * @throws LayerslayerError as `Layer.read`; the signal's reason
   */
  async read(start: number, end: number, signal: AbortSignal): Promise<Uint8Array> {
    const stop = Math.min(end, this.size);
    if (!(start >= 0 && start < stop)) return new Uint8Array(0);
    const bytes = new Uint8Array(stop - start);
    for (let at = start; at < stop; ) {
      const number = Math.floor(at / BLOCK_SIZE);
      const block = await this.#block(number, signal);
      const part = block.subarray(at - number * BLOCK_SIZE, stop - number * BLOCK_SIZE);
      if (part.length === 0) throw new LayerslayerError('INTERNAL', `no bytes at ${at} of ${this.size}`);
      bytes.set(part, at - start);
      at += part.length;
    }
    return bytes;
  }

  async #block(number: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const start = number * BLOCK_SIZE;
    let block = this.#blocks.get(number);
    if (block) this.#blocks.delete(number);
    else {
      const length = Math.min(BLOCK_SIZE, this.size - start);
      // A copy: what the layer returns is valid until the next await.
      block = new Uint8Array(await this.layer.read(this.row, start, length, signal));
    }
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_MAX) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }
}
