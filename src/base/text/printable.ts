import { replaceRawBytes } from './raw-text.js';

/**
 * Characters that a terminal must not receive: control characters (C0, C1, DEL) and marks that are
 * invisible or change the direction of text. VTE and xterm obey C1 in UTF-8; with a direction mark,
 * a name that reads `gpj.exe` is `exe.jpg`.
 */
const INVISIBLE =
  '\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}';
const UNSHOWN = new RegExp(`[\\x00-\\x1f${INVISIBLE}]`, 'gu');
/** JSON escapes C0 itself; the newlines of its indentation stay. */
const UNSHOWN_IN_JSON = new RegExp(`[${INVISIBLE}]`, 'gu');

/**
 * Returns untrusted text (references, paths, registry messages) for one line of a terminal. Each
 * byte of an unsafe character becomes `\xNN`: it could move the cursor, set colours or start a
 * line.
 */
export function printable(text: string): string {
  return showRawBytes(text.replace(UNSHOWN, (one) => escaped(Buffer.from(one))));
}

/** Shows bytes of an argument or a path that are not UTF-8 as `\\xNN`. */
export function showRawBytes(text: string): string {
  return replaceRawBytes(text, (byte) => escaped([byte]));
}

export function escaped(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/**
 * Returns the value as JSON that is safe on a terminal. Characters that `printable` escapes become
 * `\uNNNN`, so a program parses the same value.
 * @param indent spaces per level; one line when omitted
 */
export function printableJson(value: unknown, indent?: number): string {
  return printableJsonText(JSON.stringify(value, undefined, indent));
}

/**
 * Returns the text of a JSON document so that it is safe on a terminal: it stands for the same
 * value, with the same white space but for carriage returns.
 */
export function printableJsonText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(UNSHOWN_IN_JSON, (one) => {
    let escapes = '';
    // By code unit: a character beyond U+FFFF is a surrogate pair.
    for (let i = 0; i < one.length; i++) escapes += `\\u${one.charCodeAt(i).toString(16).padStart(4, '0')}`;
    return escapes;
  });
}
