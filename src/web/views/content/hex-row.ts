/** Bytes between two gaps; a row has one or two such groups. */
export const GROUP_BYTES = 8;

/** The texts of one row of a hex view. */
export interface HexRow {
  offset: string; // hexadecimal, at least 8 digits
  bytes: string; // `7f 45 4c 46 …`, with a gap after eight
  ascii: string; // what is not printable ASCII is a dot
}

/** Returns a row. @param bytes of the row, 16 at most @param offset of the first byte */
export function hexRow(bytes: Uint8Array, offset: number): HexRow {
  let text = '';
  let ascii = '';
  for (const [index, byte] of bytes.entries()) {
    text += `${index === GROUP_BYTES ? '  ' : index > 0 ? ' ' : ''}${byte.toString(16).padStart(2, '0')}`;
    ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return { offset: offset.toString(16).padStart(8, '0'), bytes: text, ascii };
}

/**
 * Returns the offset that a user entered: `4096`, `0x1000`, `1000h`, `-16` from the end.
 * @returns undefined if it is none, or outside of the file
 */
export function parseOffset(text: string, size: number): number | undefined {
  const [, sign, hexadecimal, trailing, decimal] =
    /^\s*(-?)(?:0x([\da-f]{1,13})|([\da-f]{1,13})h|(\d{1,15}))\s*$/i.exec(text) ?? [];
  const digits = hexadecimal ?? trailing;
  if (digits === undefined && decimal === undefined) return undefined;
  const value = digits === undefined ? Number(decimal) : Number.parseInt(digits, 16);
  const offset = sign === '-' ? size - value : value;
  return offset >= 0 && offset < size ? offset : undefined;
}
