import { quoteName } from '../base/text/quote-name.js';
import type { LayerIndexBuilder, LayerIndexEnd, Verification } from '../index/pass/index-pass.js';
import type { JsonObject } from '../oci/json.js';
import { entryFlaw } from '../tar/entry-flaw.js';
import { BLOCK_SIZE } from '../tar/header.js';
import { FileChunks } from './file-chunks.js';
import { corruptTable } from './table-fault.js';
import { readTocEntry, type TocEntry } from './toc-entry.js';

/**
 * The unit in which uncompressed bytes are read: `CHUNK_SIZE` of engine/inflate/chunk-reader.ts.
 */
export const READ_UNIT = 32 * 1024;

/**
 * Files of so many bytes share no read unit with others. Smaller ones may: aligned, they would take
 * twice the room, in the tar and in the memory of readers that go forward.
 */
export const LARGE_FILE = 4 * READ_UNIT;

type ByChunks = Extract<Verification, { kind: 'chunks' }>;

/**
 * Turns the entries of a table of eStargz or zstd:chunked into rows and chunks of an index, in
 * their order. Their content lies in a virtual tar (`ChunkColumns`).
 *
 * A large file has its read units for itself there. Else a read of a small file beside it would
 * fetch and decode a chunk of the large one too: most tables have chunks of 4 MiB.
 *
 * A table is used only if all of it fits together. Everything else is CORRUPT_LAYER, and a pass of
 * our own decides what the layer has.
 */
export class TocRows {
  readonly chunks: FileChunks;
  /** No name has lost bytes. */
  isExact = true;
  readonly #builder: LayerIndexBuilder;
  #tarSize = 0; // bytes of the virtual tar so far

  constructor(builder: LayerIndexBuilder) {
    this.#builder = builder;
    this.chunks = new FileChunks((bytes) => builder.spend(bytes));
  }

  /**
   * Takes the next object of the table's list.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED past a limit
   */
  add(json: JsonObject): void {
    if (json.type === 'chunk') {
      this.chunks.next(json);
      return;
    }
    this.chunks.endFile();
    const adjusted: string[] = [];
    const entry = readTocEntry(json, (what) => adjusted.push(what));
    if (!entry.isExact) this.isExact = false;
    const file = this.addEntry(entry, adjusted);
    if (entry.size > 0) this.chunks.beginFile({ ...file, size: entry.size }, json);
  }

  /**
   * Adds a row, unless Linux could not show it.
   * @param adjusted what differs from the table, for a warning each
   * @returns where its content begins in the virtual tar
   * @throws LayerslayerError as `add`
   */
  addEntry(entry: TocEntry, adjusted: readonly string[] = []): { isShown: boolean; outOffset: number } {
    const isLarge = entry.size >= LARGE_FILE;
    const headerEnd = this.#tarSize + BLOCK_SIZE;
    const outOffset = isLarge ? roundUp(headerEnd, READ_UNIT) : headerEnd;
    const flaw = entryFlaw(entry);
    const warnings = flaw === undefined ? adjusted : [`skipped: ${flaw}`];
    for (const what of warnings) this.#builder.warn(`table entry ${quoteName(entry.path)}: ${what}`);
    if (flaw !== undefined) return { isShown: false, outOffset };
    this.#tarSize = roundUp(outOffset + entry.size, isLarge ? READ_UNIT : BLOCK_SIZE);
    if (!Number.isSafeInteger(this.#tarSize))
      throw corruptTable('its files have more than 2^53 bytes together');
    entry.dataOffset = outOffset;
    this.#builder.addEntry(entry);
    return { isShown: true, outOffset };
  }

  /**
   * Returns what an index needs besides the entries.
   * @param codec of the layer
   * @param blobSize compressed bytes of the layer
   * @param dataEnd where its content ends, in compressed bytes
   * @throws LayerslayerError CORRUPT_LAYER if a chunk begins or ends after it
   */
  end(codec: string, blobSize: number, dataEnd: number): LayerIndexEnd & { verification: ByChunks } {
    const chunks = this.chunks.finish(dataEnd);
    return { codec, blobSize, tarSize: this.#tarSize, verification: { kind: 'chunks', chunks } };
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
