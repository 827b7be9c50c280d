import { printableJson } from '../../../base/text/printable.js';
import { printableName } from '../../../base/text/printable-name.js';
import type { FoundEntry } from '../../../catalog/search/search-image.js';
import { entryState, placedRecord, shownEntry } from '../../../image/records/entry-record.js';
import type { Digest } from '../../../oci/digest.js';
import { formatPlatform, type Platform } from '../../../oci/platform.js';
import type { LineWriter } from '../../terminal/output/line-writer.js';
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
  writer: LineWriter;
  hasHeading: boolean; // for people: a pipe gets rows only
}

const IMAGE_HEADING = 'IMAGE';
const LAYER_HEADING = 'LAYER';
const STATE_WIDTH = 'overridden'.length;
const NUL = Buffer.of(0);

/** Writes what a search found. */
export class FindListing {
  count = 0; // rows so far

  constructor(private readonly options: ListingOptions) {}

  get #imageWidth(): number {
    return Math.max(IMAGE_HEADING.length, this.options.imageWidth);
  }

  /**
   * Adds the entries that were found in an image.
   * @param doubt fields for programs: `verified: false`
   * @throws the reason of the writer's signal
   */
  async add(image: ListedImage, entries: AsyncIterable<FoundEntry>, doubt: object): Promise<void> {
    const shown = {
      reference: image.reference,
      digest: image.digest,
      platform: formatPlatform(image.platform),
    };
    const { form, hasHeading, writer } = this.options;
    for await (const found of entries) {
      if (this.count++ === 0 && form === 'rows' && hasHeading) writer.line(this.#heading());
      if (form === 'print0') writer.bytes(Buffer.concat([found.path, NUL]));
      else if (form === 'json') writer.line(jsonRow(shown, image, found, doubt));
      else writer.line(this.#row(image, found));
      await writer.turn();
    }
  }

  #heading(): string {
    const state = 'STATE'.padEnd(STATE_WIDTH);
    return `${IMAGE_HEADING.padEnd(this.#imageWidth)}  ${LAYER_HEADING}  ${state}  PATH`;
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
