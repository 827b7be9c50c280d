import { quoteName } from '../base/text/quote-name.js';
import {
  type LayerIndexBuilder,
  type LayerIndexEnd,
  MAX_CHUNK_SIZE,
  type Verification,
} from '../index/index-pass.js';
import { type Digest, digestHex, isDigest } from '../oci/digest.js';
import type { JsonObject } from '../oci/json.js';
import { entryFlaw } from '../tar/entry-flaw.js';
import { BLOCK_SIZE, paddingAfter } from '../tar/header.js';
import { CHUNK_COST, ChunkBuilder, type ChunkStart } from './chunk-builder.js';
import { HoleDigests } from './hole-digests.js';
import { checkedCount, corruptTable } from './table-fault.js';
import { readTocEntry, type TocEntry } from './toc-entry.js';

type ByChunks = Extract<Verification, { kind: 'chunks' }>;

/** The file that the next `chunk` entries belong to. */
interface OpenFile {
  name: string;
  size: number; // bytes
  described: number; // bytes of it that are in chunks so far
  outOffset: number; // of its content in the virtual tar
  digest: unknown; // of the whole file
  inEnd: number | undefined; // of its compressed bytes
  isShown: boolean;
}

/**
 * Turns the entries of a table of eStargz or zstd:chunked into rows and chunks of an index, in
 * their order. Their content lies in a virtual tar (`ChunkColumns`).
 *
 * A table is used only if all of it fits together. Everything else is CORRUPT_LAYER, and a pass of
 * our own decides what the layer has.
 */
export class TocRows {
  readonly chunks = new ChunkBuilder();
  /** No name has lost bytes. */
  isExact = true;
  tarSize = 0; // bytes of the virtual tar so far
  readonly #builder: LayerIndexBuilder;
  readonly #holes = new HoleDigests();
  #file: OpenFile | undefined;

  constructor(builder: LayerIndexBuilder) {
    this.#builder = builder;
  }

  /**
   * Takes the next object of the table's list.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED past a limit
   */
  add(json: JsonObject): void {
    if (json.type === 'chunk') {
      const file = this.#file;
      if (!file || json.name !== file.name) throw corruptTable('a chunk follows no entry of its file');
      this.#addChunk(file, json);
      return;
    }
    this.#endFile();
    const warn = (what: string) => this.#builder.warn(`table entry ${quoteName(entry.path)}: ${what}`);
    const adjusted: string[] = [];
    const entry = readTocEntry(json, (what) => adjusted.push(what));
    if (!entry.isExact) this.isExact = false;
    const { isShown, outOffset } = this.addEntry(entry, warn);
    if (isShown) for (const what of adjusted) warn(what);
    if (entry.size === 0) return;
    this.#file = {
      name: json.name as string,
      size: entry.size,
      described: 0,
      outOffset,
      digest: json.digest,
      inEnd: json.endOffset === undefined ? undefined : checkedCount(json.endOffset, 'an endOffset'),
      isShown,
    };
    this.#addChunk(this.#file, json);
  }

  /**
   * Adds a row, unless Linux could not show it.
   * @returns where its content begins in the virtual tar
   */
  addEntry(entry: TocEntry, warn: (what: string) => void): { isShown: boolean; outOffset: number } {
    const outOffset = this.tarSize + BLOCK_SIZE;
    const flaw = entryFlaw(entry);
    if (flaw !== undefined) {
      warn(`skipped: ${flaw}`);
      return { isShown: false, outOffset };
    }
    this.tarSize = outOffset + entry.size + paddingAfter(entry.size);
    if (!Number.isSafeInteger(this.tarSize))
      throw corruptTable('its files are larger than 2^53 bytes together');
    entry.dataOffset = outOffset;
    this.#builder.addEntry(entry);
    return { isShown: true, outOffset };
  }

  /**
   * Adds a chunk of the last row.
   * @throws LayerslayerError CORRUPT_LAYER if it is out of order; UNSUPPORTED past a limit
   */
  addChunk(outOffset: number, size: number, start: ChunkStart, digest: Uint8Array): void {
    this.chunks.begin(start, size);
    this.#spend();
    this.chunks.add(outOffset, size, start, digest);
  }

  /** Ends the list. */
  endEntries(): void {
    this.#endFile();
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
    return { codec, blobSize, tarSize: this.tarSize, verification: { kind: 'chunks', chunks } };
  }

  #addChunk(file: OpenFile, json: JsonObject): void {
    const chunkOffset = checkedCount(json.chunkOffset ?? 0, 'a chunkOffset');
    if (chunkOffset !== file.described) {
      throw corruptTable(`a chunk at ${chunkOffset} of its file comes after ${file.described} bytes`);
    }
    const rest = file.size - chunkOffset;
    // The last chunk of a file in an eStargz has no size.
    const size = checkedCount(json.chunkSize ?? 0, 'a chunkSize') || rest;
    if (rest === 0 || size > rest)
      throw corruptTable(`the chunks of a file of ${file.size} bytes are longer`);
    file.described += size;
    const start = {
      inOffset: checkedCount(json.offset, 'an offset'),
      innerOffset: checkedCount(json.innerOffset ?? 0, 'an innerOffset'),
    };
    const digest = chunkDigest(json, size === file.size ? file.digest : undefined);
    const outOffset = file.outOffset + chunkOffset;
    if (json.chunkType === 'zeros') this.#addHole(file, outOffset, size, start, digest);
    else if (json.chunkType !== undefined && json.chunkType !== '') {
      throw corruptTable(`a chunk has the type ${JSON.stringify(json.chunkType)}`);
    } else if (digest === undefined) {
      throw corruptTable('a chunk has no digest');
    } else if (size > MAX_CHUNK_SIZE) {
      throw corruptTable(`a chunk has ${size} bytes, the limit is ${MAX_CHUNK_SIZE}`);
    } else if (file.isShown) {
      this.addChunk(outOffset, size, start, Buffer.from(digestHex(digest), 'hex'));
    } else {
      this.chunks.begin(start, size);
    }
    if (file.described === file.size && file.inEnd !== undefined) this.chunks.close(file.inEnd);
  }

  #addHole(
    file: OpenFile,
    outOffset: number,
    size: number,
    start: ChunkStart,
    digest: Digest | undefined,
  ): void {
    // Ends the chunk before it: a hole has a frame too, which is not read.
    this.chunks.begin(start, size);
    if (digest !== undefined && !this.#holes.isOfZeros(digest, size)) {
      throw corruptTable('a chunk of zeros has the digest of other bytes');
    }
    if (!file.isShown) return;
    for (let done = 0; done < size; done += MAX_CHUNK_SIZE) {
      this.#spend();
      this.chunks.addHole(outOffset + done, Math.min(MAX_CHUNK_SIZE, size - done));
    }
  }

  #spend(): void {
    this.#builder.spend(CHUNK_COST);
    if (this.chunks.length === MAX_CHUNKS) throw corruptTable(`it has more than ${MAX_CHUNKS} chunks`);
  }

  #endFile(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file && file.described !== file.size) {
      throw corruptTable(`the chunks of a file of ${file.size} bytes have ${file.described}`);
    }
  }
}

/** As many as an index file may have. */
const MAX_CHUNKS = 10_000_000;

/** @param whole digest of the whole file, if the chunk is all of it */
function chunkDigest(json: JsonObject, whole: unknown): Digest | undefined {
  const own = checkedDigest(json.chunkDigest);
  const all = checkedDigest(whole);
  if (own !== undefined && all !== undefined && own !== all) {
    throw corruptTable('a file of one chunk has two digests');
  }
  return own ?? all;
}

function checkedDigest(value: unknown): Digest | undefined {
  if (value === undefined || value === '') return undefined;
  if (isDigest(value) && value.startsWith('sha256:')) return value;
  throw corruptTable(`a digest is ${JSON.stringify(value)?.slice(0, 100)}`);
}
