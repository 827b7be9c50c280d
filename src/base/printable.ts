import { replaceRawBytes } from './raw-text.js';

/**
 * What a terminal must not get: control characters (C0, DEL, and C1, which VTE and xterm obey in UTF-8), and marks that are not
 * seen or turn the direction of writing (a name that reads `gpj.exe` is `exe.jpg`).
 */
const INVISIBLE =
  '\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}';
const UNSHOWN = new RegExp(`[\\x00-\\x1f${INVISIBLE}]`, 'gu');
/** JSON escapes C0 by itself; the newlines that indent it stay. */
const UNSHOWN_IN_JSON = new RegExp(`[${INVISIBLE}]`, 'gu');

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

/**
 * Returns the value as JSON that is harmless on a terminal too: in it all that `printable` escapes is `\uNNNN`. The same JSON to
 * a program.
 * @param indent spaces a level; on one line when left out
 */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(UNSHOWN_IN_JSON, (one) => {
    let escapes = '';
    // By code unit: one beyond U+FFFF is a surrogate pair.
    for (let i = 0; i < one.length; i++) escapes += `\\u${one.charCodeAt(i).toString(16).padStart(4, '0')}`;
    return escapes;
  });
}
