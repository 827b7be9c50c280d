import { printableJson } from '../../../base/text/printable.js';
import { printableName } from '../../../base/text/printable-name.js';
import { ATTRIBUTES_HEADING, attributesText } from '../../../image/records/entry-lines.js';
import { type ListedEntry, placedRecord } from '../../../image/records/entry-record.js';
import type { Digest } from '../../../oci/digest.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import type { EntryColors } from '../../terminal/layout/colors.js';
import { columnLines } from '../../terminal/layout/column-layout.js';
import { textWidth } from '../../terminal/layout/text-width.js';
import type { LineWriter } from '../../terminal/output/line-writer.js';
import { hiddenText } from '../../terminal/wording/entry-places.js';
import { entryOf, type ListedRow } from './listed-row.js';

const LAYER_HEADING = 'LAYER';

export interface LsForm {
  kind: 'json' | 'long' | 'lines' | 'columns';
  lineWidth: number; // terminal columns, for `columns`
  isExact: boolean; // sizes in bytes
  classifies: boolean; // adds a letter of the kind to names
  colors: EntryColors | undefined; // undefined: none
}

export interface LsListingOptions {
  writer: LineWriter;
  form: LsForm;
  digestOf(layer: number): Digest | undefined;
  doubt: object; // fields of each record
}

/** Writes rows as lines. */
export class LsListing {
  readonly #options: LsListingOptions;
  #isFirstBlock = true;
  #columns: string | undefined = `${LAYER_HEADING} ${ATTRIBUTES_HEADING} NAME`; // not shown yet

  constructor(options: LsListingOptions) {
    this.#options = options;
  }

  /**
   * Writes rows, for people with an empty line before them if they are not the first.
   * @param heading path of their directory, if it is shown
   * @param namesOf names of a row from the root
   */
  async block<T extends ListedRow>(
    heading: Uint8Array | undefined,
    rows: readonly T[],
    namesOf: (row: T) => readonly Uint8Array[],
  ): Promise<void> {
    const { form, writer } = this.#options;
    if (form.kind !== 'json') {
      if (!this.#isFirstBlock) writer.line('');
      if (heading) writer.line(`${printableName(heading)}:`);
    }
    this.#isFirstBlock = false;
    if (form.kind === 'columns') {
      const cells = rows.map((row) => this.#cell(row, entryOf(row)));
      for (const line of columnLines(cells, form.lineWidth)) await this.#add(line);
      return;
    }
    for (const row of rows) {
      if (form.kind === 'json') await this.#add(this.#record(row, namesOf(row)));
      else if (form.kind === 'lines') await this.#add(this.#line(row));
      else {
        if (this.#columns !== undefined) await this.#add(this.#columns);
        this.#columns = undefined;
        await this.#add(this.#longLine(row));
      }
    }
  }

  #add(line: string): Promise<void> | undefined {
    const { writer } = this.#options;
    writer.line(line);
    return writer.turn();
  }

  #record(row: ListedRow, names: readonly Uint8Array[]): string {
    const { digestOf, doubt } = this.#options;
    const { layer, hidden } = row;
    const place = {
      layer,
      layerDigest: digestOf(layer),
      hidden: hidden && { hiddenBy: hidden.hiddenBy, how: hidden.how },
    };
    return printableJson(placedRecord(entryOf(row), joinPath(names), place, doubt));
  }

  #line(row: ListedRow): string {
    const { text } = this.#cell(row, entryOf(row));
    return row.hidden ? `${text}  (layer ${row.layer}, ${hiddenText(row.hidden)})` : text;
  }

  #longLine(row: ListedRow): string {
    const entry = entryOf(row);
    const layer = String(row.layer).padStart(LAYER_HEADING.length);
    const target = entry.kind === 'symlink' ? ` -> ${printableName(entry.linkTarget)}` : '';
    const after = row.hidden ? `  (${hiddenText(row.hidden)})` : '';
    return `${layer} ${attributesText(entry, this.#options.form)} ${this.#cell(row, entry).text}${target}${after}`;
  }

  #cell({ name, hidden }: ListedRow, entry: ListedEntry): { text: string; width: number } {
    const { colors, classifies, kind } = this.#options.form;
    const shown = printableName(name);
    // The target of a long line says what the entry is.
    const isClassified = classifies && !(kind === 'long' && entry.kind === 'symlink');
    const indicator = isClassified ? indicatorOf(entry) : '';
    const painted = hidden ? colors?.hidden(shown) : colors?.paint(entry, name, shown);
    const width = kind === 'columns' ? textWidth(shown) + indicator.length : 0;
    return { text: `${painted ?? shown}${indicator}`, width };
  }
}

/** As GNU `ls -F`. */
function indicatorOf({ kind, mode }: ListedEntry): string {
  if (kind === 'dir') return '/';
  if (kind === 'symlink') return '@';
  if (kind === 'fifo') return '|';
  return kind === 'file' && (mode & 0o111) !== 0 ? '*' : '';
}
