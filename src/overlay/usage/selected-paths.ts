import type { PathPattern } from '../pattern/path-pattern.js';

/** Decides by the names from the root, one after the other, which paths are asked for. */
export interface SelectedPaths<P = unknown> {
  readonly start: P; // position before the first name
  after(position: P, name: Uint8Array): P;
  /** Whether the names so far are a path that is asked for. */
  isMatch(position: P, isDirectory: boolean): boolean;
}

/** Selects what a pattern matches. */
export function matchedPaths(pattern: PathPattern): SelectedPaths {
  return pattern satisfies SelectedPaths<PathPattern['start']> as SelectedPaths;
}

/** Position of paths that are not on the way to the one path. */
const ASIDE = -1;

/** Selects one path. @param path names from the root, without `.` and `..` */
export function onePath(path: readonly Uint8Array[]): SelectedPaths {
  const selected: SelectedPaths<number> = {
    start: 0,
    after: (position, name) =>
      position !== ASIDE && position < path.length && Buffer.compare(path[position]!, name) === 0
        ? position + 1
        : ASIDE,
    isMatch: (position) => position === path.length,
  };
  return selected as SelectedPaths;
}
