import type { WriteStream } from 'node:tty';
import { abortable } from '../base/abortable.js';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { Output, type TextSink } from './output.js';

/** A terminal that does not say how large it is. */
const COLUMNS = 80;
const ROWS = 24;

/** stdout and stderr of this process. A reader that went away (`layerslayer … | head -1`) ends us quietly. */
export function processOutput(): Output {
  return new Output(sink(process.stdout, 'stdout'), sink(process.stderr, 'stderr'));
}

function sink(stream: WriteStream, name: string): TextSink {
  const broken = new AbortController();
  const fail = (error: unknown) => {
    const code = systemCode(error);
    broken.abort(
      code === 'EPIPE'
        ? new LayerslayerError('ABORTED', `nobody reads ${name}`)
        : new LayerslayerError('IO_FAILED', `writing to ${name}: ${code ?? (error as Error).message}`),
    );
  };
  stream.on('error', fail);
  return {
    broken: broken.signal,
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || COLUMNS;
    },
    get rows() {
      return stream.rows || ROWS;
    },
    flushed() {
      if (stream.writableLength === 0 || broken.signal.aborted) return undefined;
      const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
      return abortable(written, broken.signal).catch(() => undefined);
    },
    write(text) {
      if (broken.signal.aborted) return;
      try {
        // The stream keeps what it can't write yet.
        stream.write(typeof text === 'string' ? text : Buffer.from(text));
      } catch (error) {
        fail(error); // a file's stream throws (Node 20), a pipe's tells it with the next turn
      }
    },
  };
}
