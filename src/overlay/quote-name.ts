/** Bytes of a name that a message shows. */
const MAX_SHOWN = 256;

/**
 * A name from an archive for messages: in double quotes, printable ASCII as it is, all else as `\xNN`. A name may hold
 * newlines and terminal escapes, which would forge log lines.
 */
export function quoteName(name: Uint8Array): string {
  let text = '"';
  for (const byte of name.subarray(0, MAX_SHOWN)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return name.length > MAX_SHOWN ? `${text}…"` : `${text}"`;
}
