/**
 * Text whose bytes need not be UTF-8: words of the command line, and paths. Each byte that is no part of valid UTF-8 stands
 * as a lone surrogate, 0xE9 as U+DCE9 (Python's `surrogateescape`, PEP 383). Such a text goes through `node:path`, JSON
 * and messages between threads as any other; at the file system it must become bytes again, since Node would write U+FFFD.
 */

/** What stands for a byte. With the flag `u` the second half of a pair is not taken for one. */
const RAW_BYTE = /[\udc80-\udcff]/gu;
const RAW_BASE = 0xdc00;

/** Bytes of the longest UTF-8 sequence. */
const SEQUENCE_MAX = 4;

/** Returns the text of these bytes; `bytesOfText` has the same bytes for it. */
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

/** By its first byte; whether what follows is right is the decoder's business. */
function sequenceLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : SEQUENCE_MAX;
}

/** Returns the bytes that a text stands for. */
export function bytesOfText(text: string): Buffer {
  if (!isRaw(text)) return Buffer.from(text);
  const parts = text.split(/([\udc80-\udcff])/u).map((part, i) => {
    return i % 2 === 1 ? Buffer.of(part.charCodeAt(0) - RAW_BASE) : Buffer.from(part);
  });
  return Buffer.concat(parts);
}

/** Returns a path as `node:fs` takes it. */
export function fsPath(path: string): string | Buffer {
  return isRaw(path) ? bytesOfText(path) : path;
}

/** Whether a text holds bytes that are not UTF-8. */
export function isRaw(text: string): boolean {
  return text.search(RAW_BYTE) !== -1;
}

/** Replaces each byte that is not UTF-8, for a text that people read. */
export function replaceRawBytes(text: string, replace: (byte: number) => string): string {
  return text.replace(RAW_BYTE, (one) => replace(one.charCodeAt(0) - RAW_BASE));
}
