import { escaped, printable } from '../base/printable.js';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Returns a name or path of an image for one line of a terminal. Bytes that are not UTF-8 or must
 * not be shown become `\xNN`. A backslash is doubled, so that the text stands for one name only.
 */
export function printableName(name: Uint8Array): string {
  const text = utf8Text(name);
  if (text !== undefined) return printable(text.replaceAll('\\', '\\\\'));
  let shown = '';
  for (const byte of name) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    shown += isPlain ? String.fromCharCode(byte) : byte === 0x5c ? '\\\\' : escaped([byte]);
  }
  return shown;
}

/** The text of a name that is UTF-8, else undefined. */
export function utf8Text(name: Uint8Array): string | undefined {
  try {
    return DECODER.decode(name);
  } catch {
    return undefined;
  }
}
