import { LayerslayerError } from '../../base/errors.js';
import type { Checkpoint, Codec } from '../../codec/codec.js';
import type { Digest } from '../../oci/digest.js';
import type { TarEntry } from '../../tar/entry.js';
import type { Columns, EntryColumns } from '../entry-columns.js';
import { encodeLayerIndex } from '../file/encode-index.js';
import { fingerprintOf } from '../file/index-head.js';
import { type LayerIndex, MAX_WARNINGS } from '../layer-index.js';
import { LAYER_LIMITS, type LayerLimits } from '../layer-limits.js';
import { CheckpointBuilder } from './checkpoint-builder.js';
import { EntryColumnsBuilder } from './entry-columns-builder.js';
import { type TableAllowance, TableBudget } from './table-budget.js';

export interface LayerIndexBuilderOptions {
  limits?: LayerLimits;
  /** Memory limit of the tables; default: none. Call `release` at the end. */
  allowance?: TableAllowance;
  blobSize?: number; // compressed bytes to come
  isShared?: boolean; // `share` may be called
}

/** A layer index as it is stored, and what `decodeLayerIndex` would return for it. */
export interface EncodedLayerIndex {
  bytes: Uint8Array;
  index: LayerIndex;
}

/** What is known when all entries are. */
export type LayerIndexEnd = Pick<LayerIndex, 'codec' | 'blobSize' | 'tarSize' | 'verification'>;

/** Collects the index of one layer, within the limits of its tables. */
export class LayerIndexBuilder {
  readonly #digest: Digest;
  readonly #budget: TableBudget;
  readonly #entries: EntryColumnsBuilder;
  readonly #newCheckpoints: (codec: Pick<Codec, 'statesPerGroup'>) => CheckpointBuilder;
  #checkpoints: CheckpointBuilder | undefined;
  readonly #warnings: string[] = [];
  #warningCount = 0;

  /** @param digest of the layer */
  constructor(
    digest: Digest,
    { limits = LAYER_LIMITS, allowance, blobSize, isShared }: LayerIndexBuilderOptions = {},
  ) {
    this.#digest = digest;
    this.#budget = new TableBudget(allowance);
    this.#entries = new EntryColumnsBuilder(limits, this.#budget, blobSize, isShared);
    this.#newCheckpoints = (codec) => new CheckpointBuilder(codec, limits.stateBytes, this.#budget);
  }

  /** Entries so far. */
  get length(): number {
    return this.#entries.length;
  }

  /**
   * Copies the entry.
   * @throws LayerslayerError UNSUPPORTED past a limit, which it names
   */
  addEntry(entry: TarEntry): void {
    this.#entries.add(entry);
  }

  /**
   * @param codec the same for all
   * @throws LayerslayerError UNSUPPORTED past a limit, which it names
   */
  addCheckpoint(codec: Codec, checkpoint: Checkpoint): void {
    this.#checkpoints ??= this.#newCheckpoints(codec);
    this.#checkpoints.add(checkpoint);
  }

  /**
   * Counts memory of other tables of the index.
   * @throws LayerslayerError UNSUPPORTED past the limit
   */
  spend(bytes: number): void {
    this.#budget.spend(bytes);
  }

  /** Stores the message, unless there are many. */
  warn(message: string): void {
    this.#warningCount++;
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(message);
  }

  /** Returns the current entries. */
  entriesSoFar(): EntryColumns {
    return this.#entries.finish();
  }

  /** Returns the entries so far for another thread. See `EntryColumnsBuilder.share`. */
  share(): Columns {
    return this.#entries.share();
  }

  /**
   * Ends the index, finished or not: its tables no longer count.
   * @returns bytes that they took
   */
  release(): number {
    return this.#budget.release();
  }

  /** @throws LayerslayerError UNSUPPORTED past a limit, which it names */
  async finish(end: LayerIndexEnd): Promise<EncodedLayerIndex> {
    if (end.tarSize > LAYER_LIMITS.tarBytes) {
      const limit = `the limit of ${LAYER_LIMITS.tarBytes}`;
      throw new LayerslayerError(
        'UNSUPPORTED',
        `its ${end.tarSize} uncompressed bytes are more than ${limit}`,
      );
    }
    if (this.#warningCount > this.#warnings.length) {
      this.#warnings.push(`${this.#warningCount - this.#warnings.length} more warnings`);
    }
    const builder = this.#checkpoints ?? this.#newCheckpoints({});
    const { checkpoints, states } = await builder.finish();
    const entries = this.#entries.finish();
    const index = { ...end, digest: this.#digest, entries, checkpoints, warnings: this.#warnings };
    const bytes = await encodeLayerIndex(index, states);
    const { length } = states;
    const offset = length > 0 ? bytes.length - length : 0; // the last section
    const fingerprint = fingerprintOf(bytes);
    return { bytes, index: { ...index, fingerprint, states: { offset, length } } };
  }
}
