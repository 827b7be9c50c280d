import { joinPath, splitPath } from '../overlay/resolve-path.js';
import { cleanNames } from './carve-arguments.js';
import { entryRecord, type ListedEntry, longLine, simpleLine } from './entry-lines.js';
import type { Output } from './output.js';
import type { ProgressDisplay } from './progress-display.js';

export type ListingForm = 'long' | 'simple' | 'json';

/** Lines of entries on their way to stdout: gathered, so that a million of them are not a million writes. */
export class PeekListing {
  readonly #form: ListingForm;
  readonly #subtrees: readonly Buffer[]; // cleaned; all when empty
  readonly #display: ProgressDisplay;
  readonly #output: Output;
  #lines: string[] = [];
  count = 0; // entries listed

  /** @param paths of the subtrees that are listed; everything when empty */
  constructor(form: ListingForm, paths: readonly string[], display: ProgressDisplay, output: Output) {
    this.#form = form;
    this.#subtrees = paths.map((path) => joinPath(cleanNames(splitPath(Buffer.from(path)))));
    this.#display = display;
    this.#output = output;
  }

  /** A line between listings, for people. */
  heading(text: string): void {
    if (this.#form !== 'json') this.#lines.push(text);
  }

  /**
   * An entry as an archive names it, or a tree.
   * @param more fields for programs, and what people see of them before the name
   */
  add(entry: ListedEntry, path: Uint8Array, more: { fields: object; before?: string; after?: string }): void {
    const cleaned = joinPath(cleanNames(splitPath(path)));
    if (!this.#isListed(cleaned)) return;
    this.count++;
    const { fields, before = '', after = '' } = more;
    if (this.#form === 'json')
      this.#lines.push(JSON.stringify({ ...fields, ...entryRecord(entry, cleaned) }));
    else if (this.#form === 'simple') this.#lines.push(`${before}${simpleLine(entry, cleaned)}${after}`);
    else this.#lines.push(`${before}${longLine(entry, cleaned)}${after}`);
  }

  /** Writes what was gathered; waits for a reader that is slow. */
  flush(): Promise<void> | undefined {
    if (this.#lines.length > 0) this.#display.result(this.#lines.join('\n'));
    this.#lines = [];
    return this.#output.flushed();
  }

  #isListed(path: Buffer): boolean {
    if (this.#subtrees.length === 0) return true;
    return this.#subtrees.some((subtree) => {
      if (subtree.length === 1) return true; // the root
      if (path.length < subtree.length || path.compare(subtree, 0, subtree.length, 0, subtree.length) !== 0)
        return false;
      return path.length === subtree.length || path[subtree.length] === 0x2f;
    });
  }
}
