import { type ChunkColumns, MAX_CHUNK_SIZE } from '../index/index-pass.js';
import type { Digest } from '../oci/digest.js';
import type { JsonObject } from '../oci/json.js';
import { checkedCount, checkedSha256, digestBytes } from './checked-values.js';
import { CHUNK_COST, ChunkBuilder, type ChunkStart } from './chunk-builder.js';
import { HoleDigests } from './hole-digests.js';
import { corruptTable } from './table-fault.js';

/** As many as an index file may have. */
const MAX_CHUNKS = 10_000_000;

/** A file with content. */
export interface TableFile {
  size: number; // bytes, 1 or more
  outOffset: number; // of its content in the virtual tar
  isShown: boolean; // it has a row
}

/** The file whose chunks come. */
interface OpenFile extends TableFile {
  name: unknown;
  digest: unknown; // of the whole file
  inEnd: number | undefined; // of its compressed bytes
  described: number; // bytes of it that are in chunks so far
}

/**
 * Collects the chunks of a table's files. A file's own entry describes its first chunk, `chunk`
 * entries right behind it the others. Chunks of files that are not shown are checked all the same.
 */
export class FileChunks {
  readonly #builder = new ChunkBuilder();
  readonly #holes = new HoleDigests();
  readonly #spend: (bytes: number) => void;
  #file: OpenFile | undefined;

  /** @param spend counts memory, and throws past a limit */
  constructor(spend: (bytes: number) => void) {
    this.#spend = spend;
  }

  /**
   * Takes the entry of a file.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED past a limit
   */
  beginFile(file: TableFile, json: JsonObject): void {
    const inEnd = json.endOffset === undefined ? undefined : checkedCount(json.endOffset, 'an endOffset');
    this.#file = { ...file, name: json.name, digest: json.digest, inEnd, described: 0 };
    this.#take(this.#file, json);
  }

  /** Takes a `chunk` entry. Throws as `beginFile`. */
  next(json: JsonObject): void {
    const file = this.#file;
    if (!file || json.name !== file.name) throw corruptTable('a chunk follows no entry of its file');
    this.#take(file, json);
  }

  /** @throws LayerslayerError CORRUPT_LAYER if chunks of the last file are missing */
  endFile(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file && file.described !== file.size) {
      throw corruptTable(`the chunks of a file of ${file.size} bytes have ${file.described}`);
    }
  }

  /**
   * Adds a chunk behind those of all files.
   * @throws LayerslayerError CORRUPT_LAYER if it is out of order; UNSUPPORTED past a limit
   */
  add(outOffset: number, size: number, start: ChunkStart, digest: Uint8Array): void {
    this.#builder.begin(start, size);
    this.#count();
    this.#builder.add(outOffset, size, start, digest);
  }

  /**
   * @param dataEnd where the layer's content ends, in compressed bytes
   * @throws LayerslayerError CORRUPT_LAYER if a chunk begins or ends after it
   */
  finish(dataEnd: number): ChunkColumns {
    return this.#builder.finish(dataEnd);
  }

  #take(file: OpenFile, json: JsonObject): void {
    const chunkOffset = checkedCount(json.chunkOffset ?? 0, 'a chunkOffset');
    if (chunkOffset !== file.described) {
      throw corruptTable(`a chunk at ${chunkOffset} of its file comes after ${file.described} bytes`);
    }
    const rest = file.size - chunkOffset;
    // The last chunk of a file in an eStargz has no size.
    const size = checkedCount(json.chunkSize ?? 0, 'a chunkSize') || rest;
    if (rest === 0 || size > rest) throw corruptTable(`a file of ${file.size} bytes has more in its chunks`);
    file.described += size;
    const start = {
      inOffset: checkedCount(json.offset, 'an offset'),
      innerOffset: checkedCount(json.innerOffset ?? 0, 'an innerOffset'),
    };
    const digest = chunkDigest(json, size === file.size ? file.digest : undefined);
    const outOffset = file.outOffset + chunkOffset;
    const { chunkType = '' } = json;
    if (chunkType === 'zeros') this.#addHole(file, outOffset, size, start, digest);
    else if (chunkType === '') this.#addChunk(file, outOffset, size, start, digest);
    else throw corruptTable(`a chunk has the type ${JSON.stringify(chunkType)}`);
    if (file.described === file.size && file.inEnd !== undefined) this.#builder.close(file.inEnd);
  }

  #addChunk(
    file: OpenFile,
    outOffset: number,
    size: number,
    start: ChunkStart,
    digest: Digest | undefined,
  ): void {
    if (digest === undefined) throw corruptTable('a chunk has no digest');
    if (size > MAX_CHUNK_SIZE)
      throw corruptTable(`a chunk has ${size} bytes, the limit is ${MAX_CHUNK_SIZE}`);
    if (file.isShown) this.add(outOffset, size, start, digestBytes(digest));
    else this.#builder.begin(start, size);
  }

  #addHole(
    file: OpenFile,
    outOffset: number,
    size: number,
    start: ChunkStart,
    digest: Digest | undefined,
  ): void {
    // Ends the chunk before it: a hole has a frame too, which is not read.
    this.#builder.begin(start, size);
    if (digest !== undefined && !this.#holes.isOfZeros(digest, size)) {
      throw corruptTable('a chunk of zeros has the digest of other bytes');
    }
    if (!file.isShown) return;
    for (let done = 0; done < size; done += MAX_CHUNK_SIZE) {
      this.#count();
      this.#builder.addHole(outOffset + done, Math.min(MAX_CHUNK_SIZE, size - done));
    }
  }

  #count(): void {
    this.#spend(CHUNK_COST);
    if (this.#builder.length === MAX_CHUNKS) throw corruptTable(`it has more than ${MAX_CHUNKS} chunks`);
  }
}

/** @param whole digest of the whole file, if the chunk is all of it */
function chunkDigest({ chunkDigest: own }: JsonObject, whole: unknown): Digest | undefined {
  const [one, other] = [own, whole].map((digest) =>
    digest === undefined || digest === '' ? undefined : checkedSha256(digest),
  );
  if (one !== undefined && other !== undefined && one !== other) {
    throw corruptTable('a file of one chunk has two digests');
  }
  return one ?? other;
}
