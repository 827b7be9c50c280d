import { BLOCK_SIZE } from '../../blob/page.js';
import type { Codec, Scanner } from '../../codec/codec.js';
import { codecOf, PLAIN } from '../../codec/codecs.js';
import type { Digest } from '../../oci/digest.js';
import { isTarHeader } from '../../tar/checksum.js';
import { TarScanner } from '../../tar/tar-scanner.js';
import type { Columns } from '../entry-columns.js';
import { LayerIndexBuilder, type LayerIndexBuilderOptions } from './layer-index-builder.js';
import type { OnTarBytes, PassObserver } from './pass-observer.js';

export { type Columns, EntryColumns } from '../entry-columns.js';
// What readers of other tools' tables need to make an index of them.
export { type ChunkColumns, MAX_CHUNK_SIZE, type Verification } from '../layer-index.js';
export { type CheckedIndex, LayerCheck } from './layer-check.js';
export { type EncodedLayerIndex, LayerIndexBuilder, type LayerIndexEnd } from './layer-index-builder.js';
export type { OnTarBytes } from './pass-observer.js';

export interface IndexPassOptions extends LayerIndexBuilderOptions {
  /** Another thread observes the pass: `shareEntries` may be called. */
  onBytes?: OnTarBytes;
  observers?: readonly PassObserver[];
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
  readonly #onBytes: OnTarBytes | undefined;
  readonly #observers: readonly PassObserver[];
  readonly #tar = new TarScanner({
    onEntry: (entry) => {
      this.#builder.addEntry(entry);
      for (const observer of this.#observers) observer.onEntry(entry);
    },
    onWarning: (message) => this.#builder.warn(message),
  });

  /** @param digest of the blob */
  constructor(digest: Digest, { onBytes, observers = [], ...options }: IndexPassOptions = {}) {
    this.#onBytes = onBytes;
    this.#observers = observers;
    this.#builder = new LayerIndexBuilder(digest, { ...options, isShared: onBytes !== undefined });
  }

  /**
   * Takes the blob's next bytes. The first decide the codec: unless the blob is shorter,
   * MAGIC_LENGTH of them come at once.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED: another compression, or past a limit
   */
  push(bytes: Uint8Array): void {
    this.#scanner ??= this.#start(bytes);
    this.#scanner.push(bytes);
    for (const observer of this.#observers) observer.onInput(bytes, this.#blobSize);
    this.#blobSize += bytes.length;
  }

  get entryCount(): number {
    return this.#builder.length;
  }

  /** Returns the entries so far for another thread. See `EntryColumnsBuilder.share`. */
  shareEntries(): Columns {
    return this.#builder.share();
  }

  /**
   * Ends the pass, finished or not: its tables no longer count.
   * @returns bytes that they and the scanner took
   */
  release(): number {
    const memorySize = this.#scanner?.memorySize ?? 0;
    this.#scanner = undefined;
    return this.#builder.release() + memorySize;
  }

  /**
   * Returns the encoded index of the blob, which has ended with the right digest.
   * @param blockDigests SHA-256 of each BLOCK_SIZE compressed bytes
   * @throws LayerslayerError CORRUPT_LAYER if the blob is cut short
   */
  async finish(blockDigests: Uint8Array): Promise<Uint8Array> {
    this.#scanner?.finish();
    const { size: tarSize } = this.#tar.finish();
    const { bytes } = await this.#builder.finish({
      codec: (this.#codec ?? PLAIN).name,
      blobSize: this.#blobSize,
      tarSize,
      verification: { kind: 'blocks', blockSize: BLOCK_SIZE, digests: blockDigests },
    });
    return bytes;
  }

  #start(head: Uint8Array): Scanner {
    // An entry's name may start like another format: `BZh…`.
    this.#codec = isTarHeader(head) ? PLAIN : codecOf(head);
    const codec = this.#codec;
    return codec.scanner({
      onOutput: (memory, start, end) => this.#scan(memory, start, end),
      onCheckpoint: (checkpoint) => this.#builder.addCheckpoint(codec, checkpoint),
    });
  }

  #scan(memory: Uint8Array, start: number, end: number): void {
    this.#tar.push(memory, start, end);
    this.#onBytes?.(memory, start, end, this.#tarSize);
    for (const observer of this.#observers) observer.onBytes(memory, start, end, this.#tarSize);
    this.#tarSize += end - start;
  }
}
