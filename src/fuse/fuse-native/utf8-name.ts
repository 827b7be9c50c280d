import { isUtf8 } from 'node:buffer';

/** Returns a name as a string of the same bytes; undefined if it is not valid UTF-8. */
export function utf8Name(name: Uint8Array): string | undefined {
  return isUtf8(name) ? Buffer.from(name.buffer, name.byteOffset, name.length).toString() : undefined;
}
