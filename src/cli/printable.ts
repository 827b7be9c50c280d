import { replaceRawBytes } from '../base/raw-text.js';

/**
 * What a terminal must not get: control characters, and marks that are not seen or turn the direction of writing (a name that
 * reads `gpj.exe` is `exe.jpg`).
 */
const UNSHOWN = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/**
 * Text that others chose (references, paths, a registry's messages) for one line of a terminal: what could move the cursor, set
 * colours, begin a line or pass for other text is shown as `\xNN` a byte.
 */
export function printable(text: string): string {
  return showRawBytes(text.replace(UNSHOWN, (one) => escaped(Buffer.from(one))));
}

/** Bytes of the command line or of a path that are not UTF-8, as `\\xNN`. */
export function showRawBytes(text: string): string {
  return replaceRawBytes(text, (byte) => escaped([byte]));
}

export function escaped(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
