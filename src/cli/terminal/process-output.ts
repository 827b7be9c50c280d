import { fstatSync } from 'node:fs';
import type { WriteStream } from 'node:tty';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Output, type TextSink } from './output.js';

const STDOUT = 1;
const STDERR = 2;

/** A terminal that does not say how large it is. */
const COLUMNS = 80;
const ROWS = 24;

/** Returns stdout and stderr. If the reader ends (`… | head -1`), so does the process. */
export function processOutput(): Output {
  return new Output(sink(process.stdout, STDOUT), sink(process.stderr, STDERR));
}

/** Bytes of the longest content that is written at once. */
const COPY_SIZE = 1024 * 1024;
/** Maximum idle copies; a fast reader needs one. */
const SPARE_COPIES = 4;

function sink(stream: WriteStream, fd: number): TextSink {
  const name = fd === STDOUT ? 'stdout' : 'stderr';
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
    isTerminal: stream.isTTY === true,
    isDumb: process.env.TERM === 'dumb',
    isPipe: isPipe(fd),
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
        if (typeof text === 'string') stream.write(text);
        else if (text.length <= COPY_SIZE) writeCopy(text);
        else stream.write(Buffer.from(text));
      } catch (error) {
        fail(error); // a file's stream throws (Node 20), a pipe's tells it with the next turn
      }
    },
  };
}

function isPipe(fd: number): boolean {
  try {
    const status = fstatSync(fd);
    return status.isFIFO() || status.isSocket();
  } catch {
    return false; // closed
  }
}
