import { escaped, printable } from './printable.js';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Returns a name or path for one line of a terminal. Bytes that are unsafe or not UTF-8 become
 * `\xNN`. A backslash is doubled, so that the text stands for one name only.
 */
export function printableName(name: Uint8Array): string {
  const text = utf8Text(name);
  if (text !== undefined) return printable(text.replaceAll('\\', '\\\\'));
  const shownByte = (byte: number) => {
    if (byte === 0x5c) return '\\\\';
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escaped([byte]);
  };
  return Array.from(name, shownByte).join('');
}

/** The text of a name that is UTF-8, else undefined. */
export function utf8Text(name: Uint8Array): string | undefined {
  try {
    return DECODER.decode(name);
  } catch {
    return undefined;
  }
}
