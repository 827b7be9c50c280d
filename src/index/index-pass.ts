import { type Compression, detectCompression } from '../codec/compression.js';
import type { Checkpoint } from '../codec/gzip/checkpoint.js';
import { GzipScan } from '../codec/gzip/gzip-scan.js';
import { InflateEngine } from '../codec/gzip/inflate-engine.js';
import type { Digest } from '../oci/digest.js';
import type { TarEntry } from '../tar/entry.js';
import { TarScanner } from '../tar/tar-scanner.js';
import { CheckpointBuilder } from './checkpoint-builder.js';
import { EntryColumnsBuilder } from './entry-columns-builder.js';
import type { EntryTable } from './entry-table.js';
import { isTarHeader } from './layer-head.js';
import { type LayerIndex, MAX_WARNINGS } from './layer-index.js';
import { type EncodedLayerIndex, encodeLayerIndex } from './layer-index-codec.js';
import { LAYER_LIMITS, type LayerLimits } from './layer-limits.js';
import { type TableAllowance, TableBudget } from './table-budget.js';

/** Looks on while a pass is made. */
export interface PassWatcher {
  /** Each entry as it is found, before its content passes; valid during the call only. Rows count from 0. */
  onEntry(entry: TarEntry, row: number): void;
  /**
   * The bytes `[start, end)` of `memory` have passed: `[offset, offset + end - start)` of the uncompressed tar, whose entries
   * were told before. They are overwritten after the call.
   */
  onBytes(memory: Uint8Array, start: number, end: number, offset: number): void;
}

export interface IndexPassOptions {
  limits?: LayerLimits;
  watcher?: PassWatcher;
  /** Memory limit of the tables; default: none. Call `release` at the end. */
  allowance?: TableAllowance;
  blobSize?: number; // compressed bytes to come
}

/**
 * The one pass over a layer's blob: inflates it once and on the way collects entries and checkpoints. Knows nothing
 * of where the bytes come from nor of their digest, which another thread makes.
 */
export class IndexPass {
  readonly #digest: Digest;
  readonly #budget: TableBudget;
  readonly #entries: EntryColumnsBuilder;
  readonly #checkpoints: CheckpointBuilder;
  readonly #warnings: string[] = [];
  #warningCount = 0;
  #blobSize = 0;
  #compression: Compression | undefined;
  #gzip: GzipScan | undefined;
  #tarSize = 0; // bytes so far
  readonly #watcher: PassWatcher | undefined;
  readonly #tar = new TarScanner({
    onEntry: (entry) => {
      this.#entries.add(entry);
      this.#watcher?.onEntry(entry, this.#entries.length - 1);
    },
    onWarning: (message) => this.#warn(message),
  });

  constructor(
    digest: Digest,
    { limits = LAYER_LIMITS, watcher, allowance, blobSize }: IndexPassOptions = {},
  ) {
    this.#digest = digest;
    this.#watcher = watcher;
    this.#budget = new TableBudget(allowance);
    this.#entries = new EntryColumnsBuilder(limits, this.#budget, blobSize);
    this.#checkpoints = new CheckpointBuilder(limits.windowBytes, this.#budget);
  }

  /**
   * Takes the blob's next bytes. The first decide the compression: unless they are all, MAGIC_LENGTH of them come at once.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED: another compression, or past a limit
   */
  push(bytes: Uint8Array): void {
    if (this.#compression === undefined) {
      // A member's name may start like another format: `BZh…`.
      this.#compression = isTarHeader(bytes) ? 'none' : detectCompression(bytes);
      if (this.#compression === 'gzip') this.#gzip = this.#startGzip();
    }
    this.#blobSize += bytes.length;
    if (this.#gzip) this.#gzip.push(bytes);
    else this.#scan(bytes, 0, bytes.length);
  }

  /** Returns the current entries. */
  entriesSoFar(): EntryTable {
    return this.#entries.finish();
  }

  /**
   * Ends the pass, finished or not: its tables no longer count.
   * @returns bytes that they took
   */
  release(): number {
    return this.#budget.release();
  }

  /**
   * The blob has ended and its digest was right.
   * @throws LayerslayerError CORRUPT_LAYER when the blob is cut short
   */
  async finish(pageDigests: Uint8Array): Promise<EncodedLayerIndex> {
    this.#gzip?.finish();
    const { size: tarSize } = this.#tar.finish();
    if (this.#warningCount > this.#warnings.length) {
      this.#warnings.push(`${this.#warningCount - this.#warnings.length} more warnings`);
    }
    const { checkpoints, windows } = await this.#checkpoints.finish();
    const index: Omit<LayerIndex, 'windows'> = {
      digest: this.#digest,
      compression: this.#compression ?? 'none',
      blobSize: this.#blobSize,
      tarSize,
      entries: this.#entries.finish(),
      checkpoints,
      pageDigests,
      warnings: this.#warnings,
    };
    return encodeLayerIndex(index, windows);
  }

  #startGzip(): GzipScan {
    return new GzipScan(new InflateEngine(), {
      onOutput: (memory, start, end) => this.#scan(memory, start, end),
      onCheckpoint: (checkpoint: Checkpoint) => this.#checkpoints.add(checkpoint),
    });
  }

  #scan(memory: Uint8Array, start: number, end: number): void {
    this.#tar.push(memory, start, end);
    this.#watcher?.onBytes(memory, start, end, this.#tarSize);
    this.#tarSize += end - start;
  }

  #warn(message: string): void {
    this.#warningCount++;
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(message);
  }
}
