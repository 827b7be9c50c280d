import type { Writable } from 'node:stream';
import { LayerslayerError, systemCode } from '../../../base/errors.js';
import { reasonText } from '../../../base/system-error-text.js';
import { abortable } from '../../../base/tasks/abortable.js';
import type { TextSink } from './output.js';

/** Bytes of the longest content that is written at once. */
const COPY_SIZE = 1024 * 1024;
/** Maximum idle copies; a fast reader needs one. */
const SPARE_COPIES = 4;

/**
 * Returns how to write to a stream.
 * @param name of the stream, in messages
 */
export function streamSink(
  stream: Writable,
  name: string,
): Required<Pick<TextSink, 'broken' | 'write' | 'flushed'>> {
  // Reused: V8 would free a copy for each write only after tens of MiB (measured).
  const spare: Buffer[] = [];
  const writeCopy = (bytes: Uint8Array) => {
    const copy = spare.pop() ?? Buffer.allocUnsafeSlow(COPY_SIZE);
    copy.set(bytes);
    stream.write(copy.subarray(0, bytes.length), () => {
      if (spare.length < SPARE_COPIES) spare.push(copy);
    });
  };
  const broken = new AbortController();
  const fail = (error: unknown) => {
    broken.abort(
      systemCode(error) === 'EPIPE'
        ? new LayerslayerError('ABORTED', `the reader of ${name} is gone`)
        : new LayerslayerError('IO_FAILED', `writing to ${name}: ${reasonText(error)}`),
    );
  };
  stream.on('error', fail);
  return {
    broken: broken.signal,
    flushed() {
      if (stream.writableLength === 0 || broken.signal.aborted) return undefined;
      const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
      return abortable(written, broken.signal).catch(() => undefined);
    },
    write(text) {
      if (broken.signal.aborted) return;
      try {
        // The stream keeps what it can't write yet.
        if (typeof text === 'string') stream.write(text);
        else if (text.length <= COPY_SIZE) writeCopy(text);
        else stream.write(Buffer.from(text));
      } catch (error) {
        fail(error); // a file's stream throws (Node 20), a pipe's tells it with the next turn
      }
    },
  };
}
