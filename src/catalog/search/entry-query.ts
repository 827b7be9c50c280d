import type { EntryFilter } from './entry-filter.js';

export type { EntryFilter };

/** What an entry's path must be. */
export interface PathMatcher {
  /** @param path of an entry, without slashes at its ends; that of the root is empty */
  matches(path: Uint8Array, isDirectory: boolean): boolean;
  /** As `matches`, of many paths in one heap. */
  within(heap: Uint8Array): (start: number, end: number, isDirectory: boolean) => boolean;
  /**
   * Bytes of which each path that matches has some; undefined: a path may have none. The native
   * search for them passes a million paths in some milliseconds.
   */
  readonly literals: readonly Uint8Array[] | undefined;
  /** The literals are in lower case, and paths may have any. */
  readonly ignoresCase: boolean;
}

/** What a search looks for. */
export interface EntryQuery {
  matcher: PathMatcher;
  filter: EntryFilter;
  /** Only what upper layers hide. */
  hiddenOnly: boolean;
}
