/** A run of text; `escape`: a byte or a character without a sign, as `\xNN`. */
export interface TextPart {
  text: string;
  escape: boolean;
}

/** First of the code units that stand for bytes that are not UTF-8, as in model/raw-path.ts. */
const RAW_BASE = 0xdc00;

/**
 * Characters that show nothing, or that change how others are shown: controls without tab, marks of
 * direction, line separators, and the code units of invalid bytes.
 */
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\ud800-\udfff]+/gu;

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns the text of bytes. An invalid byte 0xNN is the code unit U+DCNN. */
export function decodeBytes(bytes: Uint8Array): string {
  try {
    return STRICT.decode(bytes);
  } catch {
    return decodeLoosely(bytes);
  }
}

/** Cuts at the invalid bytes, which are few in a text, and not at each character. */
function decodeLoosely(bytes: Uint8Array): string {
  let text = '';
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += STRICT.decode(bytes.subarray(start, at)) + String.fromCharCode(RAW_BASE + bytes[at]!);
    start = ++at;
  }
  return text + STRICT.decode(bytes.subarray(start));
}

/** Returns the bytes of the UTF-8 sequence at an offset; 0: it is none. (RFC 3629, section 4) */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0
      ? 2
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xf0 && first < 0xf5
          ? 4
          : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let index = at + 2; index < at + length; index++) if ((bytes[index]! & 0xc0) !== 0x80) return 0;
  return length;
}

/** Splits a text into what can be shown as it is and escapes. Tabs stay. */
export function visibleParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index), escape: false });
    parts.push({ text: escaped(match[0]), escape: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), escape: false });
  return parts;
}

function escaped(text: string): string {
  return Array.from(text, (letter) => {
    const code = letter.codePointAt(0)!;
    if (code >= RAW_BASE && code <= RAW_BASE + 0xff) return hexEscape(code - RAW_BASE);
    return Array.from(new TextEncoder().encode(letter), hexEscape).join('');
  }).join('');
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}

/** Bytes that are looked through for what a file is. */
const SAMPLE = 8_192;

/** Returns whether the first bytes of a file look like no text: with NUL, or many controls. */
export function isBinary(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, SAMPLE);
  let odd = 0;
  for (const byte of sample) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b)
      odd++;
  }
  return odd * 20 > sample.length;
}
