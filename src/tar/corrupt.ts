import { LayerslayerError } from '../base/errors.js';

/** @param offset bytes, of the header block in the uncompressed tar */
export function corruptTar(offset: number, fault: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `reading tar entry at ${offset}: ${fault}`);
}

/** Bytes of a name that a message shows. */
const SHOWN_NAME_LENGTH = 256;

/**
 * A name from an archive for messages: in double quotes, printable ASCII as it is, all else as `\xNN`. A name may hold
 * newlines and terminal escapes, which would forge log lines.
 */
export function showName(name: Uint8Array): string {
  let text = '"';
  for (const byte of name.subarray(0, SHOWN_NAME_LENGTH)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return name.length > SHOWN_NAME_LENGTH ? `${text}…"` : `${text}"`;
}
