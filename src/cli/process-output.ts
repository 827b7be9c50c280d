import type { WriteStream } from 'node:tty';
import { Output, type TextSink } from './output.js';

/** A terminal that does not say how large it is. */
const COLUMNS = 80;
const ROWS = 24;

/** stdout and stderr of this process. A reader that went away (`layerslayer … | head -1`) ends us quietly. */
export function processOutput(): Output {
  return new Output(sink(process.stdout), sink(process.stderr));
}

function sink(stream: WriteStream): TextSink {
  let isBroken = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isBroken = true;
  });
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || COLUMNS;
    },
    get rows() {
      return stream.rows || ROWS;
    },
    write(text) {
      if (!isBroken) stream.write(text);
    },
  };
}
