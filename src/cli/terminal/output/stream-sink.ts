import type { Writable } from 'node:stream';
import { CopyingWriter } from '../../../base/copying-writer.js';
import { LayerslayerError, systemCode } from '../../../base/errors.js';
import { reasonText } from '../../../base/system-error-text.js';
import type { TextSink } from './output.js';

/**
 * Returns how to write to a stream.
 * @param name of the stream, in messages
 */
export function streamSink(
  stream: Writable,
  name: string,
): Required<Pick<TextSink, 'broken' | 'write' | 'flushed'>> {
  const broken = new AbortController();
  const fail = (error: unknown) => {
    broken.abort(
      systemCode(error) === 'EPIPE'
        ? new LayerslayerError('ABORTED', `the reader of ${name} is gone`)
        : new LayerslayerError('IO_FAILED', `writing to ${name}: ${reasonText(error)}`),
    );
  };
  stream.on('error', fail);
  const writer = new CopyingWriter(stream, broken.signal);
  return {
    broken: broken.signal,
    flushed: () => writer.flushed(),
    write(text) {
      if (broken.signal.aborted) return;
      try {
        if (typeof text === 'string') stream.write(text);
        else writer.write(text);
      } catch (error) {
        fail(error); // a file's stream throws (Node 20), a pipe's tells it with the next turn
      }
    },
  };
}
