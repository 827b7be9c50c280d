import { createHash, type Hash } from 'node:crypto';
import { LayerslayerError } from '../../../base/errors.js';
import { printableJson } from '../../../base/text/printable.js';
import { cleanPath } from '../../../image/paths/asked-path.js';
import { LONG_HEADING, longLine, SIMPLE_HEADING, simpleLine } from '../../../image/records/entry-lines.js';
import { entryRecord, type ListedEntry } from '../../../image/records/entry-record.js';
import type { LineWriter } from '../../terminal/output/line-writer.js';
import type { ListedPaths } from './listed-paths.js';
import { ListedTotals } from './listed-totals.js';

/** Lines that are gathered: until then, a restart costs nothing. */
const LINES_AT_ONCE = 1000;

export interface ListingOptions {
  form: 'long' | 'simple' | 'json';
  paths: ListedPaths;
  depth: number | undefined; // names of the longest path that is listed; undefined: all
}

/** What a line has besides the entry. */
export interface LineDetails {
  layer: number; // that the entry comes from
  fields: object; // for programs
  before?: string; // text for people around the line
  after?: string;
  isCounted?: boolean; // the same file was listed by another name
}

/** Writes lines of entries. Gathered lines can be taken back, and written ones may come again. */
export class PeekListing {
  readonly totals = new ListedTotals();
  readonly #form: ListingOptions['form'];
  readonly #depth: number;
  readonly #writer: LineWriter;
  #lines: string[] = [];
  #columns: string | undefined; // not shown yet
  #written = new ListedLines();
  /** The lines that were written before a restart. */
  #expected: ListedLines | undefined;
  #forgetTotals = this.totals.savepoint();
  readonly #paths: ListedPaths;

  constructor({ form, paths, depth }: ListingOptions, writer: LineWriter) {
    this.#form = form;
    this.#paths = paths;
    this.#depth = depth ?? Number.POSITIVE_INFINITY;
    this.#writer = writer;
  }

  /**
   * Names the columns for people, above the first entry: an empty listing has none.
   * @param before the heading of what stands before each entry
   */
  columns(before: string): void {
    if (this.#form !== 'json')
      this.#columns = `${before}${this.#form === 'simple' ? SIMPLE_HEADING : LONG_HEADING}`;
  }

  /** A line between listings, for people. */
  heading(text: string): void {
    if (this.#form !== 'json') this.#lines.push(text);
  }

  /**
   * @param path as in the archive or the tree
   * @returns whether the entry is listed
   */
  add(entry: ListedEntry, path: Uint8Array, details: LineDetails): boolean {
    const cleaned = cleanPath(path);
    // A PATH that is deeper is not missing.
    if (!this.#paths.isListed(cleaned, entry.kind === 'dir') || depthOf(cleaned) > this.#depth) return false;
    const { layer, fields, before = '', after = '', isCounted = false } = details;
    this.totals.add(entry, layer, isCounted);
    if (this.#columns !== undefined) this.#lines.push(this.#columns);
    this.#columns = undefined;
    const lineOf = this.#form === 'simple' ? simpleLine : longLine;
    if (this.#form === 'json')
      this.#lines.push(printableJson({ layer, ...fields, ...entryRecord(entry, cleaned) }));
    else this.#lines.push(`${before}${lineOf(entry, cleaned)}${after}`);
    return true;
  }

  /** As `flush`, if many lines are gathered. */
  turn(): Promise<void> | undefined {
    return this.#lines.length >= LINES_AT_ONCE ? this.flush() : undefined;
  }

  /**
   * Writes the gathered lines. Resolves when the reader has them.
   * @throws LayerslayerError DIGEST_MISMATCH if lines that come again differ from the written ones;
   *   the signal's reason
   */
  async flush(): Promise<void> {
    this.#skipWritten();
    for (const line of this.#lines) this.#writer.line(line);
    this.#written.add(this.#lines);
    this.#lines = [];
    await this.#writer.flush();
  }

  /** Ends the long form with a line of totals: the other forms are for programs. */
  async total(): Promise<void> {
    const line = this.totals.line();
    if (this.#form === 'long' && line !== undefined) this.#lines.push('', line);
    await this.flush();
  }

  /** Begins a listing: `restart` concerns the lines from here on. */
  begin(): void {
    this.#forgetTotals = this.totals.savepoint();
    this.#written = new ListedLines();
    this.#expected = undefined;
  }

  /** The lines since `begin` may be from wrong bytes, and come again. */
  restart(): void {
    this.#lines = [];
    this.#forgetTotals();
    // A second restart follows no more lines than the first.
    this.#expected ??= this.#written;
    this.#written = new ListedLines();
  }

  /**
   * Ends the listing.
   * @throws LayerslayerError DIGEST_MISMATCH if fewer lines came again than were written
   */
  end(): void {
    this.#skipWritten();
    if (!this.#expected) return;
    this.#expected = undefined;
    throw differs();
  }

  /** Drops the gathered lines that were written before. */
  #skipWritten(): void {
    const expected = this.#expected;
    if (!expected) return;
    this.#written.add(this.#lines.splice(0, expected.count - this.#written.count));
    if (this.#written.count < expected.count) return;
    this.#expected = undefined;
    if (this.#written.equals(expected)) return;
    this.#lines = [];
    throw differs();
  }
}

/** The number of written lines and their digest: the lines themselves take too much memory. */
class ListedLines {
  count = 0;
  readonly #hash: Hash = createHash('sha256');

  add(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.count += lines.length;
    this.#hash.update(`${lines.join('\n')}\n`);
  }

  equals(other: ListedLines): boolean {
    return this.#hash.copy().digest().equals(other.#hash.copy().digest());
  }
}

function differs(): LayerslayerError {
  const message = 'wrong bytes came, and part of what was listed from them is not in the layer';
  return new LayerslayerError('DIGEST_MISMATCH', message);
}

const SLASH = 0x2f;

/** @param path as `cleanPath` returns it */
function depthOf(path: Uint8Array): number {
  if (path.length === 1) return 0;
  let depth = 0;
  for (const byte of path) if (byte === SLASH) depth++;
  return depth;
}
