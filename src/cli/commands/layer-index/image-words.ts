import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const STDIN = 0;

/** Stands for the images on stdin, one a line. */
export const STDIN_WORD = '-';

/** Returns the images of a command line. For `-`, those on stdin, as they come. */
export async function* imageWords(words: readonly string[]): AsyncGenerator<string> {
  for (const word of words) {
    if (word === STDIN_WORD) yield* linesOf(STDIN);
    else yield word;
  }
}

/** Returns the lines that are not empty and no comment (`# …`). */
async function* linesOf(fd: number): AsyncGenerator<string> {
  const input = createReadStream('', { fd, autoClose: false, encoding: 'utf8' });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) {
      const word = line.trim();
      if (word !== '' && !word.startsWith('#')) yield word;
    }
  } finally {
    lines.close();
    input.destroy();
  }
}
