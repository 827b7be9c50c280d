import { escaped } from './printable.js';

/** Bytes of a name that a message shows. */
const MAX_SHOWN = 256;

/** Letters, digits and marks; no control or format characters, no quotes, no backslash. */
const PLAIN = /^[\p{L}\p{N}\p{S}\p{P}][\p{L}\p{M}\p{N}\p{S}\p{P} ]*$/u;

/**
 * Returns a name from an archive for messages: in double quotes, printable ASCII as it is, other
 * bytes as `\xNN`. Names may contain newlines and terminal escapes, which would forge log lines.
 */
export function quoteName(name: Uint8Array): string {
  let text = '"';
  for (const byte of name.subarray(0, MAX_SHOWN)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escaped([byte]);
  }
  return name.length > MAX_SHOWN ? `${text}…"` : `${text}"`;
}

/** Returns a name or path for messages: as it is if unambiguous, else as `quoteName` does. */
export function shownName(name: Uint8Array): string {
  const text = Buffer.from(name).toString();
  const isPlain = name.length <= MAX_SHOWN && PLAIN.test(text) && !/["\\\ufffd]/.test(text);
  return isPlain ? text : quoteName(name);
}
