/**
 * Text whose bytes need not be valid UTF-8: arguments and paths. Each invalid byte becomes a lone
 * surrogate, 0xE9 as U+DCE9 (PEP 383, Python's `surrogateescape`). Such text passes through
 * `node:path`, JSON and messages between threads. The file system needs bytes: from text, Node
 * would write U+FFFD.
 */

/** Matches surrogates that stand for bytes. The `u` flag excludes the second half of a pair. */
const RAW_BYTE = /[\udc80-\udcff]/gu;
const RAW_BASE = 0xdc00;

/** Bytes of the longest UTF-8 sequence. */
const SEQUENCE_MAX = 4;

/** Returns the text of these bytes. `bytesOfText` is its inverse. */
export function textOfBytes(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decoded = (from: number, to: number) => {
    try {
      return decoder.decode(bytes.subarray(from, to));
    } catch {
      return undefined;
    }
  };
  const whole = decoded(0, bytes.length);
  if (whole !== undefined) return whole;
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at]!);
    const sequence = decoded(at, Math.min(at + length, bytes.length));
    text += sequence ?? String.fromCharCode(RAW_BASE + bytes[at]!);
    at += sequence === undefined ? 1 : length;
  }
  return text;
}

/** Returns the length from the first byte; the decoder validates the rest. */
function sequenceLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : SEQUENCE_MAX;
}

/** Returns the bytes of a text. */
export function bytesOfText(text: string): Buffer {
  if (!isRaw(text)) return Buffer.from(text);
  const parts = text.split(/([\udc80-\udcff])/u).map((part, i) => {
    return i % 2 === 1 ? Buffer.of(part.charCodeAt(0) - RAW_BASE) : Buffer.from(part);
  });
  return Buffer.concat(parts);
}

/** Returns a path in the form that `node:fs` needs. */
export function fsPath(path: string): string | Buffer {
  return isRaw(path) ? bytesOfText(path) : path;
}

/** Returns whether a text contains bytes that are not UTF-8. */
export function isRaw(text: string): boolean {
  return text.search(RAW_BYTE) !== -1;
}

/** Replaces each byte that is not UTF-8, for display. */
export function replaceRawBytes(text: string, replace: (byte: number) => string): string {
  return text.replace(RAW_BYTE, (one) => replace(one.charCodeAt(0) - RAW_BASE));
}
