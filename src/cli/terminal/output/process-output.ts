import { fstatSync } from 'node:fs';
import type { WriteStream } from 'node:tty';
import { Output, type TextSink } from './output.js';
import { streamSink } from './stream-sink.js';

const STDOUT = 1;
const STDERR = 2;

/** A terminal that does not say how large it is. */
const COLUMNS = 80;
const ROWS = 24;

/** Returns stdout and stderr. If the reader ends (`… | head -1`), so does the process. */
export function processOutput(): Output {
  return new Output(sink(process.stdout, STDOUT), sink(process.stderr, STDERR));
}

function sink(stream: WriteStream, fd: number): TextSink {
  return {
    ...streamSink(stream, fd === STDOUT ? 'stdout' : 'stderr'),
    isTerminal: stream.isTTY === true,
    isDumb: process.env.TERM === 'dumb',
    isPipe: isPipe(fd),
    get columns() {
      return stream.columns || COLUMNS;
    },
    get rows() {
      return stream.rows || ROWS;
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
