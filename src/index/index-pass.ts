import { BLOCK_SIZE } from '../blob/page.js';
import type { Codec, Scanner } from '../codec/codec.js';
import { codecOf, PLAIN } from '../codec/codecs.js';
import type { Digest } from '../oci/digest.js';
import { isTarHeader } from '../tar/checksum.js';
import type { TarEntry } from '../tar/entry.js';
import { TarScanner } from '../tar/tar-scanner.js';
import { CheckpointBuilder } from './checkpoint-builder.js';
import { EntryColumnsBuilder } from './entry-columns-builder.js';
import type { EntryTable } from './entry-table.js';
import { type EncodedLayerIndex, encodeLayerIndex } from './index-file.js';
import { type LayerIndex, MAX_WARNINGS } from './layer-index.js';
import { LAYER_LIMITS, type LayerLimits } from './layer-limits.js';
import { type TableAllowance, TableBudget } from './table-budget.js';

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

export interface IndexPassOptions {
  limits?: LayerLimits;
  observer?: PassObserver;
  /** Memory limit of the tables; default: none. Call `release` at the end. */
  allowance?: TableAllowance;
  blobSize?: number; // compressed bytes to come
}

/**
 * The one pass over a layer's blob. It decodes the blob once and collects entries and checkpoints.
 * Where the bytes come from, and whether their digest is right, is the caller's concern.
 */
export class IndexPass {
  readonly #digest: Digest;
  readonly #budget: TableBudget;
  readonly #entries: EntryColumnsBuilder;
  readonly #newCheckpoints: (codec: Codec) => CheckpointBuilder;
  #checkpoints: CheckpointBuilder | undefined;
  readonly #warnings: string[] = [];
  #warningCount = 0;
  #blobSize = 0;
  #codec: Codec | undefined; // known from the first bytes on
  #scanner: Scanner | undefined;
  #tarSize = 0; // bytes so far
  readonly #observer: PassObserver | undefined;
  readonly #tar = new TarScanner({
    onEntry: (entry) => {
      this.#entries.add(entry);
      this.#observer?.onEntry(entry, this.#entries.length - 1);
    },
    onWarning: (message) => this.#warn(message),
  });

  constructor(
    digest: Digest,
    { limits = LAYER_LIMITS, observer, allowance, blobSize }: IndexPassOptions = {},
  ) {
    this.#digest = digest;
    this.#observer = observer;
    this.#budget = new TableBudget(allowance);
    this.#entries = new EntryColumnsBuilder(limits, this.#budget, blobSize);
    this.#newCheckpoints = ({ name }) => new CheckpointBuilder(name, limits.stateBytes, this.#budget);
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
    return this.#entries.finish();
  }

  /**
   * Ends the pass, finished or not: its tables no longer count.
   * @returns bytes that they and the scanner took
   */
  release(): number {
    const memorySize = this.#scanner?.memorySize ?? 0;
    this.#scanner = undefined;
    return this.#budget.release() + memorySize;
  }

  /**
   * Returns the index of the blob, which has ended with the right digest.
   * @param blockDigests SHA-256 of each BLOCK_SIZE compressed bytes
   * @throws LayerslayerError CORRUPT_LAYER if the blob is cut short
   */
  async finish(blockDigests: Uint8Array): Promise<EncodedLayerIndex> {
    this.#scanner?.finish();
    const { size: tarSize } = this.#tar.finish();
    if (this.#warningCount > this.#warnings.length) {
      this.#warnings.push(`${this.#warningCount - this.#warnings.length} more warnings`);
    }
    const builder = this.#checkpoints ?? this.#newCheckpoints(PLAIN);
    const { checkpoints, states } = await builder.finish();
    const index: Omit<LayerIndex, 'states'> = {
      digest: this.#digest,
      codec: (this.#codec ?? PLAIN).name,
      blobSize: this.#blobSize,
      tarSize,
      entries: this.#entries.finish(),
      checkpoints,
      verification: { kind: 'blocks', blockSize: BLOCK_SIZE, digests: blockDigests },
      warnings: this.#warnings,
    };
    return encodeLayerIndex(index, states);
  }

  #start(head: Uint8Array): Scanner {
    // An entry's name may start like another format: `BZh…`.
    this.#codec = isTarHeader(head) ? PLAIN : codecOf(head);
    const checkpoints = this.#newCheckpoints(this.#codec);
    this.#checkpoints = checkpoints;
    return this.#codec.scanner({
      onOutput: (memory, start, end) => this.#scan(memory, start, end),
      onCheckpoint: (checkpoint) => checkpoints.add(checkpoint),
    });
  }

  #scan(memory: Uint8Array, start: number, end: number): void {
    this.#tar.push(memory, start, end);
    this.#observer?.onBytes(memory, start, end, this.#tarSize);
    this.#tarSize += end - start;
  }

  #warn(message: string): void {
    this.#warningCount++;
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(message);
  }
}
