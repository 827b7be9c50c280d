import { type ReadableByteStreamController, ReadableStream } from 'node:stream/web';
import type { Operations } from '../operations/operations.js';
import { ContentChunks, type OpenChunks } from './content-chunks.js';

/** Returns a file's bytes as a web stream. `cancel` cancels the read under way. */
export function webStream(
  operations: Operations,
  open: OpenChunks,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  let chunks: ContentChunks | undefined;
  return new ReadableStream({
    type: 'bytes',
    start(controller: ReadableByteStreamController) {
      try {
        chunks = new ContentChunks(operations, open, signal, (reason) => controller.error(reason));
      } catch (error) {
        controller.error(error); // the constructor would throw it
      }
    },
    async pull(controller: ReadableByteStreamController) {
      const chunk = await chunks?.next();
      if (chunk) {
        controller.enqueue(chunk);
        return;
      }
      controller.close();
      controller.byobRequest?.respond(0); // a read into the caller's buffer ends with an empty one
    },
    cancel() {
      chunks?.end();
    },
  });
}
