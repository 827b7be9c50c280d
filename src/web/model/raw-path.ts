/**
 * Paths whose bytes need not be UTF-8: each invalid byte is a lone surrogate, 0xE9 as U+DCE9, as in
 * base/text/raw-text.ts of the program. URLs have the bytes, percent-encoded.
 */

const RAW_BASE = 0xdc00;

/** Bytes of the longest UTF-8 sequence. */
const SEQUENCE_MAX = 4;

/** Returns the path of an entry, as the API has it. */
export function pathOf({ path, pathBase64 }: { path: string; pathBase64?: string | undefined }): string {
  if (pathBase64 === undefined) return path;
  return textOfBytes(Uint8Array.from(atob(pathBase64), (letter) => letter.charCodeAt(0)));
}

/** Percent-encodes a text for a path or a query. Slashes stay. */
export function encodeRaw(text: string): string {
  let encoded = '';
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    const isByte = code >= RAW_BASE + 0x80 && code <= RAW_BASE + 0xff;
    if (isByte) encoded += `%${(code - RAW_BASE).toString(16).toUpperCase()}`;
    else if (code >= 0xd800 && code <= 0xdfff) encoded += '%EF%BF%BD';
    else encoded += /[/:@~]/.test(letter) ? letter : encodeURIComponent(letter);
  }
  return encoded;
}

/** The inverse of `encodeRaw`. A `%` without two digits stands for itself. */
export function decodeRaw(text: string): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const part of text.split(/(%[\da-f]{2})/i)) {
    if (/^%[\da-f]{2}$/i.test(part)) bytes.push(Number.parseInt(part.slice(1), 16));
    else bytes.push(...encoder.encode(part));
  }
  return textOfBytes(Uint8Array.from(bytes));
}

/** Returns the path for people: what is not UTF-8, or no letter, as `\xNN`. */
export function shownPath(text: string): string {
  return text.replace(/[\udc80-\udcff]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (letter) => {
    const code = letter.codePointAt(0)!;
    if (code >= RAW_BASE + 0x80 && code <= RAW_BASE + 0xff) return hex(code - RAW_BASE);
    return Array.from(new TextEncoder().encode(letter), hex).join('');
  });
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}

function textOfBytes(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    let length = Math.min(SEQUENCE_MAX, bytes.length - at);
    let letter: string | undefined;
    for (; length > 0 && letter === undefined; length--) {
      try {
        const decoded = decoder.decode(bytes.subarray(at, at + length));
        if ([...decoded].length === 1) letter = decoded;
      } catch {
        // Not a sequence of this length.
      }
      if (letter !== undefined) break;
    }
    text += letter ?? String.fromCharCode(RAW_BASE + bytes[at]!);
    at += letter === undefined ? 1 : length;
  }
  return text;
}
