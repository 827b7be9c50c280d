import { readFileSync, readlinkSync } from 'node:fs';
import { textOfBytes } from '../base/raw-text.js';

/** Node's replacement for bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * Returns the arguments, including bytes that are not UTF-8 (`base/raw-text.ts`), which Node has
 * replaced. Without /proc, returns them as Node has them.
 * @param words `process.argv` from the first argument on
 */
export function rawArguments(words: readonly string[]): string[] {
  // A mount waits for this: read /proc only if needed.
  if (!words.some((word) => word.includes(REPLACEMENT))) return [...words];
  try {
    // Node and its options come first, then the script, then the arguments, each ending in NUL.
    const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
    const raw = all.slice(all.length - words.length).map((word) => Buffer.from(word, 'latin1'));
    const isSame = raw.every((bytes, i) => bytes.toString() === words[i]);
    return isSame ? raw.map(textOfBytes) : [...words];
  } catch {
    return [...words];
  }
}

/**
 * Returns the path of the working directory, as `rawArguments` does.
 * @param path as Node has it
 */
export function rawWorkingDirectory(path: string): string {
  if (!path.includes(REPLACEMENT)) return path;
  try {
    return textOfBytes(readlinkSync('/proc/self/cwd', 'buffer'));
  } catch {
    return path;
  }
}
