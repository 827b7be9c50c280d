/**
 * What a terminal must not get: control characters, and marks that turn the direction of writing (a name that reads
 * `gpj.exe` is `exe.jpg`). A backslash is doubled, so that what is shown stands for one name only.
 */
const UNSHOWN = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\\]/gu;

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name or path of an image for one line of a terminal: what is not UTF-8, and what must not be shown, as `\xNN` a byte. */
export function printableName(name: Uint8Array): string {
  const text = utf8Text(name);
  if (text !== undefined)
    return text.replace(UNSHOWN, (one) => (one === '\\' ? '\\\\' : escaped(Buffer.from(one))));
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

function escaped(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
