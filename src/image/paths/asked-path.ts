import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { PathPattern } from '../../overlay/pattern/path-pattern.js';
import { splitPath } from '../../overlay/resolve-path.js';

const DOT = Buffer.from('.');

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
    const path = splitPath(bytes);
    // A slash behind a name wants a directory, as `/.` does. (path_resolution(7))
    if (path.length > 0 && text.endsWith('/')) path.push(DOT);
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
