import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { PathPattern } from '../../overlay/pattern/path-pattern.js';
import { askedPath, joinPath, splitPath } from '../../overlay/resolve-path.js';

/** A PATH argument, as it was given. */
export interface AskedPath {
  text: string;
  path: readonly Uint8Array[]; // components if it is a path; the last one of `dir/` is `.`
  names: readonly Uint8Array[]; // of its file in the output: no `.`, no `..`
  /** The pattern, used if no such path exists; undefined: it can only be a path. */
  pattern: PathPattern | undefined;
}

/** Each once. @throws LayerslayerError INVALID_ARGUMENT */
export function askedPaths(words: readonly string[]): AskedPath[] {
  return [...new Set(words)].map((text) => {
    if (text.includes('\0')) throw new LayerslayerError('INVALID_ARGUMENT', 'a path has no NUL');
    const bytes = bytesOfText(text);
    const path = askedPath(bytes);
    return { text, path, names: cleanNames(path), pattern: PathPattern.parse(bytes) };
  });
}

/** As `path.Clean('/' + path)`: what is written stays below the output directory. */
export function cleanNames(path: readonly Uint8Array[]): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (const name of path) {
    const text = Buffer.from(name).toString('latin1');
    if (text === '..') names.pop();
    else if (text !== '.' && text !== '') names.push(name);
  }
  return names;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** Returns an entry's path as listings show it: from the root, without `.` and `..`. */
export function cleanPath(path: Uint8Array): Buffer {
  const end = path.at(-1) === SLASH ? path.length - 1 : path.length;
  if (!isClean(path, end)) return joinPath(cleanNames(splitPath(path)));
  const cleaned = Buffer.allocUnsafe(end + 1);
  cleaned[0] = SLASH;
  cleaned.set(path.subarray(0, end), 1);
  return cleaned;
}

/** Most paths of archives are: `cleanNames` takes 6 µs, this and a copy 0.2 µs (measured). */
function isClean(path: Uint8Array, end: number): boolean {
  let start = 0; // of the present name
  for (let at = 0; at <= end; at++) {
    if (at < end && path[at] !== SLASH) continue;
    const length = at - start;
    const isDots = length <= 2 && path[start] === DOT && (length === 1 || path[start + 1] === DOT);
    if (length === 0 || isDots) return false;
    start = at + 1;
  }
  return true;
}
