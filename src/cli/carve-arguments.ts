import { bytesOfText } from '../base/raw-text.js';
import { isPattern, unescapedPath } from '../carve/path-pattern.js';
import { splitPath } from '../overlay/resolve-path.js';
import { usageError } from './usage-error.js';

/** PATH of `carve`, as it was given. */
export interface AskedPath {
  text: string;
  /** Components of a path without wildcards; undefined: it is a pattern. */
  path: readonly Uint8Array[] | undefined;
  names: readonly Uint8Array[]; // of its file in the output: no `.`, no `..`
}

/** Each once. @throws LayerslayerError INVALID_ARGUMENT */
export function askedPaths(words: readonly string[]): AskedPath[] {
  return [...new Set(words)].map((text) => {
    if (text.includes('\0')) throw usageError('a path has no NUL');
    const path = isPattern(text) ? undefined : splitPath(bytesOfText(unescapedPath(text)));
    return { text, path, names: cleanNames(path ?? []) };
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
