import { LayerslayerError } from '../../../base/errors.js';
import { printableName } from '../../../base/text/printable-name.js';
import type { Comparison, ContentDifference } from '../../../image/compare/comparison.js';
import { type ComparedSides, changeOf, differenceRecord } from '../../../image/records/difference-record.js';
import { nameFields } from '../../../image/records/entry-record.js';
import type { TreeDifference } from '../../../overlay/compare/compare-trees.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import type { LineWriter } from '../../terminal/output/line-writer.js';
import { noTextLine, terminalLines } from './content-lines.js';
import { differenceLine } from './difference-lines.js';

export interface RowOptions {
  form: 'text' | 'json';
  nameOnly: boolean;
  content: boolean; // with the unified diffs of texts
  isTerminal: boolean; // contents are made safe for it
  paint: (line: string) => string;
  doubt: object; // fields of rows that come from an index that was not compared with its layer
  fail: (error: LayerslayerError, difference: TreeDifference) => void;
  signal: AbortSignal;
}

/** Prints differences, a row each. */
export class DifferenceRows {
  constructor(
    private readonly comparison: Comparison,
    private readonly sides: ComparedSides,
    private readonly listing: LineWriter,
    private readonly options: RowOptions,
  ) {}

  /** Prints one, and waits for the reader now and then. @throws the signal's reason */
  async add(difference: TreeDifference): Promise<void> {
    const { form, nameOnly, doubt, paint } = this.options;
    const { listing, sides } = this;
    const path = joinPath(difference.names);
    if (nameOnly) {
      if (form === 'text') listing.line(printableName(path));
      else listing.record({ ...nameFields('path', path), change: changeOf(difference), ...doubt });
    } else {
      const trees = { from: sides.from.view.tree, to: sides.to.view.tree };
      const content = await this.#contentOf(difference, path);
      if (form === 'json') listing.record(differenceRecord(difference, sides, doubt, content));
      else {
        listing.line(paint(differenceLine(difference, trees)));
        if (content) this.#content(content);
      }
    }
    await listing.turn();
  }

  async #contentOf(difference: TreeDifference, path: Uint8Array): Promise<ContentDifference | undefined> {
    const { content, fail, signal } = this.options;
    const name = printableName(path);
    try {
      return content
        ? await this.comparison.content(difference, { from: `a${name}`, to: `b${name}` })
        : undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof LayerslayerError)) throw error;
      fail(error, difference);
      return undefined;
    }
  }

  #content(content: ContentDifference): void {
    const { isTerminal, paint } = this.options;
    if (content.kind !== 'text') this.listing.line(noTextLine(content));
    else if (!isTerminal) this.listing.bytes(Buffer.from(content.text, 'latin1'));
    else for (const line of terminalLines(content.text)) this.listing.line(paint(line));
  }
}
