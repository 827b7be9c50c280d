import { isUtf8 } from 'node:buffer';
import { escaped, printable } from '../../../../../base/text/printable.js';
import { columnsOf } from '../../../../terminal/layout/cut-text.js';

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
  const knownLength = bytes.length - (isEnd ? 0 : openSequence(bytes));
  const known = Buffer.from(bytes.buffer, bytes.byteOffset, knownLength);
  while (at < base + known.length) {
    const one = characterAt(known, at - base);
    if (one.text === '\n') {
      at += one.length;
      endLine();
      continue;
    }
    let shown = shownAs(one, used);
    let width = one.byte < 0x80 || one.text === '' ? shown.length : columnsOf(shown);
    if (used > 0 && used + width > columns) {
      endLine();
      shown = shownAs(one, used);
      width = one.text === '\t' ? shown.length : width;
    }
    text += shown;
    used += width;
    at += one.length;
  }
  if (isEnd && at > start) endLine();
  return lines;
}

/** `\xNN` of each byte. */
const ESCAPED = Array.from({ length: 256 }, (_, byte) => escaped([byte]));

/** A character, or a byte that is not UTF-8. */
interface Character {
  length: number; // bytes
  text: string; // undecoded: ''
  byte: number; // the first
}

/** Slower decoders throw for each wrong byte: a screen of them must not take a second. */
function characterAt(bytes: Buffer, at: number): Character {
  const byte = bytes[at]!;
  if (byte < 0x80) return { length: 1, text: String.fromCharCode(byte), byte };
  const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : SEQUENCE_MAX;
  const sequence = bytes.subarray(at, at + length);
  if (byte < 0xc0 || sequence.length < length || !isUtf8(sequence)) return { length: 1, text: '', byte };
  return { length, text: sequence.toString(), byte };
}

function shownAs({ text, byte }: Character, column: number): string {
  if (text === '\t') return ' '.repeat(TAB_STOP - (column % TAB_STOP));
  if (text >= ' ' && text <= '~') return text;
  return text === '' ? ESCAPED[byte]! : printable(text);
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
