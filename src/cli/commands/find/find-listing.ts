import { printableJson } from '../../../base/text/printable.js';
import { printableName } from '../../../base/text/printable-name.js';
import type { FoundEntry } from '../../../catalog/search/search-image.js';
import { entryState, placedRecord, shownEntry } from '../../../image/records/entry-record.js';
import type { Digest } from '../../../oci/digest.js';
import { formatPlatform, type Platform } from '../../../oci/platform.js';
import type { Output } from '../../terminal/output/output.js';
import type { ProgressDisplay } from '../../terminal/progress/progress.js';
import { hiddenText } from '../../terminal/wording/entry-places.js';

/** An image, as rows name it. */
export interface ListedImage {
  reference: string; // canonical
  digest: Digest;
  platform: Platform;
  layers: readonly { digest: Digest }[];
}

export interface ListingOptions {
  form: 'rows' | 'json' | 'print0';
  imageWidth: number; // columns of the longest reference
  display: Pick<ProgressDisplay, 'result'>;
  output: Output;
}

/** Rows written at once; then the reader may catch up. */
const ROWS_AT_ONCE = 1000;

const IMAGE_HEADING = 'IMAGE';
const LAYER_HEADING = 'LAYER';
const STATE_WIDTH = 'overridden'.length;
const NUL = Buffer.of(0);

/** Writes what a search found, many rows at once: a million rows are not a million writes. */
export class FindListing {
  count = 0; // rows so far
  readonly #options: ListingOptions;
  #rows: string[] = [];
  #paths: Uint8Array[] = [];

  constructor(options: ListingOptions) {
    this.#options = options;
    // A pipe gets rows only.
    if (options.form === 'rows' && options.output.resultColumns !== undefined) {
      const state = 'STATE'.padEnd(STATE_WIDTH);
      this.#rows.push(`${IMAGE_HEADING.padEnd(this.#imageWidth)}  ${LAYER_HEADING}  ${state}  PATH`);
    }
  }

  get #imageWidth(): number {
    return Math.max(IMAGE_HEADING.length, this.#options.imageWidth);
  }

  /**
   * Adds the entries that were found in an image.
   * @param doubt fields for programs: `verified: false`
   * @throws the signal's reason
   */
  async add(
    image: ListedImage,
    entries: AsyncIterable<FoundEntry>,
    doubt: object,
    signal: AbortSignal,
  ): Promise<void> {
    const shown = {
      reference: image.reference,
      digest: image.digest,
      platform: formatPlatform(image.platform),
    };
    for await (const found of entries) {
      this.count++;
      const { form } = this.#options;
      if (form === 'print0') this.#paths.push(found.path, NUL);
      else if (form === 'json') this.#rows.push(jsonRow(shown, image, found, doubt));
      else this.#rows.push(this.#row(image, found));
      if (this.count % ROWS_AT_ONCE > 0) continue;
      await this.flush();
      signal.throwIfAborted();
    }
  }

  /** Writes the gathered rows. Resolves when the reader has them. */
  async flush(): Promise<void> {
    const { display, output } = this.#options;
    const isHeadingAlone = this.count === 0;
    if (this.#paths.length > 0) output.bytes(Buffer.concat(this.#paths));
    if (this.#rows.length > 0 && !isHeadingAlone) {
      display.result(this.#rows.join('\n'));
      this.#rows = [];
    }
    this.#paths = [];
    await output.flushed();
  }

  #row({ reference }: ListedImage, { path, layer, hidden }: FoundEntry): string {
    const columns = [
      printableName(Buffer.from(reference)).padEnd(this.#imageWidth),
      String(layer).padStart(LAYER_HEADING.length),
      entryState({ layer, layerDigest: undefined, hidden }).padEnd(STATE_WIDTH),
      `${printableName(path)}${hidden ? `  (${hiddenText(hidden)})` : ''}`,
    ];
    return columns.join('  ');
  }
}

function jsonRow(
  shown: object,
  { layers }: ListedImage,
  { path, from, at, layer, hidden }: FoundEntry,
  doubt: object,
): string {
  const place = { layer, layerDigest: layers[layer - 1]?.digest, hidden };
  return printableJson({ image: shown, ...placedRecord(shownEntry(from, at), path, place, doubt) });
}
