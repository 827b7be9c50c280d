import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { PathPattern } from '../../overlay/pattern/path-pattern.js';
import type { PathMatcher } from './entry-query.js';

const SLASH = 0x2f;
const STAR = '*';

/**
 * Returns a matcher for a pattern as `carve` takes it. Without a slash it is for the name, else for
 * the whole path from the root, with or without a slash at the start. Wildcards match a leading dot
 * too, as in find(1) and .gitignore: a search should not miss `.ssh`.
 * @throws LayerslayerError INVALID_ARGUMENT for `..`, and past the limits of braces
 */
export function globMatcher(text: string, { ignoresCase }: { ignoresCase: boolean }): PathMatcher {
  const bytes = bytesOfText(text);
  const pattern = PathPattern.compile(bytes, { matchesDots: true, ignoresCase });
  if (pattern.hasParent)
    throw new LayerslayerError('INVALID_ARGUMENT', `no path of an image has \`..\`: ${JSON.stringify(text)}`);
  const { literals } = pattern;
  const isWhole = bytes.includes(SLASH);
  const isEverything = text === STAR;
  const within = (heap: Uint8Array) => (start: number, end: number, isDirectory: boolean) => {
    if (start === end) return false;
    if (isWhole) return matchesWhole(pattern, heap.subarray(start, end), isDirectory);
    if (isEverything) return true;
    let from = end;
    while (from > start && heap[from - 1] !== SLASH) from--;
    return pattern.matchesName(heap.subarray(from, end));
  };
  return {
    literals: literals.every(({ length }) => length > 0) ? literals : undefined,
    ignoresCase,
    within,
    matches: (path, isDirectory) => within(path)(0, path.length, isDirectory),
  };
}

function matchesWhole(pattern: PathPattern, path: Uint8Array, isDirectory: boolean): boolean {
  let position = pattern.start;
  for (let from = 0; from < path.length; ) {
    if (position.length === 0) return false;
    const slash = path.indexOf(SLASH, from);
    const to = slash === -1 ? path.length : slash;
    position = pattern.after(position, path.subarray(from, to));
    from = to + 1;
  }
  return pattern.isMatch(position, isDirectory);
}
