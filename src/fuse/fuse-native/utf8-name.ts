import { isUtf8 } from 'node:buffer';

/** A name as a string that is the same bytes again; undefined when it is not valid UTF-8, where there is none. */
export function utf8Name(name: Uint8Array): string | undefined {
  return isUtf8(name) ? Buffer.from(name.buffer, name.byteOffset, name.length).toString() : undefined;
}
