import { printableJson } from '../base/printable.js';
import { joinPath, splitPath } from '../overlay/resolve-path.js';
import { cleanNames } from './carve-arguments.js';
import { entryRecord, type ListedEntry, longLine, simpleLine } from './entry-lines.js';
import type { ListedPaths } from './listed-paths.js';
import type { Output } from './output.js';
import type { ProgressDisplay } from './progress-display.js';

export type ListingForm = 'long' | 'simple' | 'json';

/** Lines of entries on their way to stdout: gathered, so that a million of them are not a million writes. */
export class PeekListing {
  readonly #form: ListingForm;
  readonly #display: ProgressDisplay;
  readonly #output: Output;
  #lines: string[] = [];
  readonly #paths: ListedPaths;

  constructor(form: ListingForm, paths: ListedPaths, display: ProgressDisplay, output: Output) {
    this.#form = form;
    this.#paths = paths;
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
    const cleaned = cleanPath(path);
    if (!this.#paths.isListed(cleaned, entry.kind === 'dir')) return;
    const { fields, before = '', after = '' } = more;
    if (this.#form === 'json') this.#lines.push(printableJson({ ...fields, ...entryRecord(entry, cleaned) }));
    else if (this.#form === 'simple') this.#lines.push(`${before}${simpleLine(entry, cleaned)}${after}`);
    else this.#lines.push(`${before}${longLine(entry, cleaned)}${after}`);
  }

  /** Writes what was gathered; waits for a reader that is slow. */
  flush(): Promise<void> | undefined {
    if (this.#lines.length > 0) this.#display.result(this.#lines.join('\n'));
    this.#lines = [];
    return this.#output.flushed();
  }
}

/** Returns an entry's path as listed: from the root. */
export function cleanPath(path: Uint8Array): Buffer {
  return joinPath(cleanNames(splitPath(path)));
}
