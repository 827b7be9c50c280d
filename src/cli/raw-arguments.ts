import { readFileSync, readlinkSync } from 'node:fs';
import { textOfBytes } from '../base/raw-text.js';

/** What Node puts in the place of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * Returns the words of the command line, bytes that are not UTF-8 included (`base/raw-text.ts`): Node has replaced these.
 * Without /proc the words are as Node has them.
 * @param words `process.argv` from the first word on
 */
export function rawArguments(words: readonly string[]): string[] {
  // No word is read twice that needn't be: a mount waits for this.
  if (!words.some((word) => word.includes(REPLACEMENT))) return [...words];
  try {
    // Node and its own options come first, then the script, then our words, each with a NUL behind it.
    const all = splitAtNuls(readFileSync('/proc/self/cmdline'));
    const raw = all.slice(all.length - words.length);
    const isSame = raw.every((bytes, i) => bytes.toString() === words[i]);
    return isSame ? raw.map(textOfBytes) : [...words];
  } catch {
    return [...words];
  }
}

/** Returns the path of the working directory, as `rawArguments`. @param path as Node has it */
export function rawWorkingDirectory(path: string): string {
  if (!path.includes(REPLACEMENT)) return path;
  try {
    return textOfBytes(readlinkSync('/proc/self/cwd', 'buffer'));
  } catch {
    return path;
  }
}

function splitAtNuls(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    parts.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return parts;
}
