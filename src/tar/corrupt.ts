import { LayerslayerError } from '../base/errors.js';

/** Longest name shown in a message, in bytes: a hostile one has a megabyte. */
const SHOWN_NAME_LENGTH = 200;

/** @param offset bytes, of the header block in the uncompressed tar */
export function corruptTar(offset: number, fault: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `reading tar entry at ${offset}: ${fault}`);
}

/** A raw name for messages and log lines: quoted, control characters escaped, shortened. */
export function showName(name: Uint8Array): string {
  const shown = Buffer.from(name.subarray(0, SHOWN_NAME_LENGTH)).toString();
  return JSON.stringify(name.length > SHOWN_NAME_LENGTH ? `${shown}…` : shown).replace(
    // JSON leaves DEL and the C1 controls alone; terminals act on them.
    /[\x7f-\x9f]/g,
    (control) => `\\u00${control.charCodeAt(0).toString(16)}`,
  );
}
