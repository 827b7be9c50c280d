import { Readable } from 'node:stream';
import type { ReadStreamOptions } from '../files.js';
import type { Operations } from '../operations/operations.js';
import { ContentChunks, type OpenChunks } from './content-chunks.js';

/** A file's bytes as a stream of Node. `destroy` cancels the read under way. */
export class ContentReadable extends Readable {
  readonly #chunks: ContentChunks | undefined;

  constructor(
    operations: Operations,
    open: OpenChunks,
    { encoding, highWaterMark, signal }: ReadStreamOptions,
  ) {
    super({ ...(encoding && { encoding }), highWaterMark: highWaterMark ?? 64 * 1024 });
    try {
      this.#chunks = new ContentChunks(operations, open, signal, (reason) => {
        // Closing an image must not end a program that has forgotten a stream of it.
        this.destroy(this.listenerCount('error') > 0 ? (reason as Error) : undefined);
      });
    } catch (error) {
      this.destroy(error as Error); // an event, as all errors of a stream
    }
  }

  override _read(): void {
    this.#chunks?.next().then(
      (chunk) => this.push(chunk === undefined ? null : Buffer.from(chunk.buffer, 0, chunk.length)),
      (error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#chunks?.end();
    callback(error);
  }
}
