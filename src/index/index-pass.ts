import { BLOCK_SIZE } from '../blob/page.js';
import type { Codec, Scanner } from '../codec/codec.js';
import { codecOf, PLAIN } from '../codec/codecs.js';
import type { Digest } from '../oci/digest.js';
import { isTarHeader } from '../tar/checksum.js';
import type { TarEntry } from '../tar/entry.js';
import { TarScanner } from '../tar/tar-scanner.js';
import type { EntryTable } from './entry-table.js';
import type { EncodedLayerIndex } from './index-file.js';
import { LayerIndexBuilder, type LayerIndexBuilderOptions } from './layer-index-builder.js';

// What readers of other tools' tables need to make an index of them.
export type { EncodedLayerIndex } from './index-file.js';
export { type ChunkColumns, MAX_CHUNK_SIZE, type Verification } from './layer-index.js';
export { LayerIndexBuilder, type LayerIndexEnd } from './layer-index-builder.js';
export type { TableAllowance } from './table-budget.js';

/** Sees what a pass reads. An exception thrown here ends the pass. */
export interface PassObserver {
  /** Each entry before its content. It is valid during the call only. Rows count from 0. */
  onEntry(entry: TarEntry, row: number): void;
  /**
   * Bytes `[start, end)` of `memory`: the tar's from `offset` on. Their entries were reported
   * before. Valid during the call only.
   */
  onBytes(memory: Uint8Array, start: number, end: number, offset: number): void;
}

export interface IndexPassOptions extends LayerIndexBuilderOptions {
  observer?: PassObserver;
}

/**
 * The one pass over a layer's blob. It decodes the blob once and collects entries and checkpoints.
 * Where the bytes come from, and whether their digest is right, is the caller's concern.
 */
export class IndexPass {
  readonly #builder: LayerIndexBuilder;
  #blobSize = 0;
  #codec: Codec | undefined; // known from the first bytes on
  #scanner: Scanner | undefined;
  #tarSize = 0; // bytes so far
  readonly #observer: PassObserver | undefined;
  readonly #tar = new TarScanner({
    onEntry: (entry) => {
      this.#builder.addEntry(entry);
      this.#observer?.onEntry(entry, this.#builder.length - 1);
    },
    onWarning: (message) => this.#builder.warn(message),
  });

  /** @param digest of the blob */
  constructor(digest: Digest, { observer, ...options }: IndexPassOptions = {}) {
    this.#observer = observer;
    this.#builder = new LayerIndexBuilder(digest, options);
  }

  /**
   * Takes the blob's next bytes. The first decide the codec: unless the blob is shorter,
   * MAGIC_LENGTH of them come at once.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED: another compression, or past a limit
   */
  push(bytes: Uint8Array): void {
    this.#scanner ??= this.#start(bytes);
    this.#blobSize += bytes.length;
    this.#scanner.push(bytes);
  }

  /** Returns the current entries. */
  entriesSoFar(): EntryTable {
    return this.#builder.entriesSoFar();
  }

  /**
   * Ends the pass, finished or not: its tables no longer count.
   * @returns bytes that they took
   */
  release(): number {
    return this.#builder.release();
  }

  /**
   * Returns the index of the blob, which has ended with the right digest.
   * @param blockDigests SHA-256 of each BLOCK_SIZE compressed bytes
   * @throws LayerslayerError CORRUPT_LAYER if the blob is cut short
   */
  async finish(blockDigests: Uint8Array): Promise<EncodedLayerIndex> {
    this.#scanner?.finish();
    const { size: tarSize } = this.#tar.finish();
    return this.#builder.finish({
      codec: (this.#codec ?? PLAIN).name,
      blobSize: this.#blobSize,
      tarSize,
      verification: { kind: 'blocks', blockSize: BLOCK_SIZE, digests: blockDigests },
    });
  }

  #start(head: Uint8Array): Scanner {
    // An entry's name may start like another format: `BZh…`.
    this.#codec = isTarHeader(head) ? PLAIN : codecOf(head);
    const { name } = this.#codec;
    return this.#codec.scanner({
      onOutput: (memory, start, end) => this.#scan(memory, start, end),
      onCheckpoint: (checkpoint) => this.#builder.addCheckpoint(name, checkpoint),
    });
  }

  #scan(memory: Uint8Array, start: number, end: number): void {
    this.#tar.push(memory, start, end);
    this.#observer?.onBytes(memory, start, end, this.#tarSize);
    this.#tarSize += end - start;
  }
}
