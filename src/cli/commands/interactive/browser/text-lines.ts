import { escaped, printable } from '../../../../base/text/printable.js';
import { isRaw, replaceRawBytes, textOfBytes } from '../../../../base/text/raw-text.js';
import { columnsOf } from '../../../terminal/cut-text.js';

/** A row of text on the screen, and the bytes of the file that it shows. */
export interface TextLine {
  start: number;
  end: number; // with the newline
  text: string; // printable
}

const TAB_STOP = 8;
/** Bytes of the longest UTF-8 sequence. */
const SEQUENCE_MAX = 4;

/**
 * Breaks bytes into rows of at most `columns`. Unsafe characters and bytes that are not UTF-8 are
 * `\xNN`. A tab is spaces.
 * @param base offset of the first byte, where a row starts
 * @param isEnd the bytes end where a row does; else the last row may have more, and is omitted
 */
export function textLines(bytes: Uint8Array, base: number, columns: number, isEnd: boolean): TextLine[] {
  const lines: TextLine[] = [];
  let start = base;
  let at = base;
  let text = '';
  let used = 0;
  const endLine = () => {
    lines.push({ start, end: at, text });
    start = at;
    text = '';
    used = 0;
  };
  const known = isEnd ? bytes : bytes.subarray(0, bytes.length - openSequence(bytes));
  for (const one of textOfBytes(known)) {
    const length = isRaw(one) ? 1 : Buffer.byteLength(one);
    if (one === '\n') {
      at += length;
      endLine();
      continue;
    }
    let shown = shownAs(one, used);
    if (used > 0 && used + columnsOf(shown) > columns) {
      endLine();
      shown = shownAs(one, used);
    }
    text += shown;
    used += columnsOf(shown);
    at += length;
  }
  if (isEnd && at > start) endLine();
  return lines;
}

function shownAs(one: string, column: number): string {
  if (one === '\t') return ' '.repeat(TAB_STOP - (column % TAB_STOP));
  if (one >= ' ' && one <= '~') return one;
  return isRaw(one) ? replaceRawBytes(one, (byte) => escaped([byte])) : printable(one);
}

/** Returns the bytes of a sequence at the end that may be incomplete. */
function openSequence(bytes: Uint8Array): number {
  for (let length = 1; length < SEQUENCE_MAX && length <= bytes.length; length++) {
    const byte = bytes[bytes.length - length]!;
    if (byte >= 0xc0) return length;
    if (byte < 0x80) return 0;
  }
  return 0;
}
