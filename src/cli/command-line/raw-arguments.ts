import { readFileSync, readlinkSync } from 'node:fs';
import { textOfBytes } from '../../base/text/raw-text.js';

/** Node's replacement for bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * Returns `words`, the program's arguments. Node has replaced bytes that are not UTF-8: reads them
 * from /proc, if it is there (`base/text/raw-text.ts`).
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

/** As `rawArguments`, for the path of the working directory. */
export function rawWorkingDirectory(path: string): string {
  if (!path.includes(REPLACEMENT)) return path;
  try {
    return textOfBytes(readlinkSync('/proc/self/cwd', 'buffer'));
  } catch {
    return path;
  }
}
