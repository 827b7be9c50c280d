/** Digits of an offset at least, as `hexdump -C` has them. */
const OFFSET_DIGITS = 8;
/** Bytes in a row: the most whose row fits. */
const ROW_SIZES = [32, 16, 8, 4, 2];
const GROUP = 8;

/** Returns the bytes of a row. @param size of the file */
export function hexRowSize(columns: number, size: number): number {
  return ROW_SIZES.find((bytes) => rowWidth(bytes, size) <= columns) ?? 1;
}

/** `00000010  72 6f 6f 74 0a ff                                 |root..|` */
export function hexLine(bytes: Uint8Array, offset: number, rowSize: number, size: number): string {
  let cells = '';
  let text = '';
  for (let i = 0; i < rowSize; i++) {
    const byte = bytes[i];
    cells += `${i % GROUP === 0 ? '  ' : ' '}${byte === undefined ? '  ' : hex(byte, 2)}`;
    if (byte !== undefined) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return `${hex(offset, offsetDigits(size))}${cells}  |${text}|`;
}

function rowWidth(bytes: number, size: number): number {
  return offsetDigits(size) + bytes * 3 + Math.ceil(bytes / GROUP) + 2 + bytes + 2;
}

function offsetDigits(size: number): number {
  return Math.max(OFFSET_DIGITS, size.toString(16).length);
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
