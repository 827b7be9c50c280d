import { LayerslayerError } from '../base/errors.js';

const MIB = 1024 ** 2;
const KIB = 1024;

/** Images of fewer bytes are allowed as much as if they had these: together they stay under 512 MiB for all of a mount. */
const SMALL_IMAGE = 16 * MIB;
const BASE = 64 * MIB;
/** Bytes for each compressed one: of a layer's tables. */
const LAYER_TIMES = 16;
/** Of an image's tables and their merge together; for small images that is 256 MiB. */
const MERGE_TIMES = 12;
/** Of an image's tables: the merge wants room beside them. */
const TABLE_TIMES = 8;

/** What may be spent is asked of the other threads after so many bytes. */
const STEP = 256 * KIB;

/** Plain data, so that it crosses threads. */
export interface TableAllowance {
  layer: number; // bytes that the layer's tables may take
  image: number; // bytes that those of all its image's layers may take
  used: SharedArrayBuffer; // KiB taken of that, by all threads
}

/**
 * Bytes that a layer's tables and heaps may take, when it has `size` compressed bytes: a MiB of gzip may say 10^6 entries.
 * (SEMANTICS, "Named limits with room")
 */
export function layerTableLimit(size: number): number {
  return BASE + LAYER_TIMES * size;
}

/** Of all layers of an image, with `size` compressed bytes together. */
export function imageTableLimit(size: number): number {
  return BASE + TABLE_TIMES * Math.max(SMALL_IMAGE, size);
}

/** Of an image's tables and of what a merge of them takes beside. */
export function mergeLimit(size: number): number {
  return BASE + MERGE_TIMES * Math.max(SMALL_IMAGE, size);
}

/** Counts what one layer's tables take, beside those of the image's other layers. */
export class TableBudget {
  readonly #allowance: TableAllowance | undefined;
  readonly #used: Int32Array | undefined;
  #spent = 0; // bytes
  #told = 0; // bytes of it that the other threads know of

  /** @param allowance undefined: nothing is limited */
  constructor(allowance?: TableAllowance) {
    this.#allowance = allowance;
    this.#used = allowance && new Int32Array(allowance.used);
  }

  /** @throws LayerslayerError UNSUPPORTED past a limit, which it names */
  spend(bytes: number): void {
    if (!this.#allowance) return;
    const limit = this.#allowance.layer;
    this.#spent += bytes;
    if (this.#spent > limit) throw past("the layer's tables", limit);
    if (this.#spent - this.#told >= STEP) this.tell();
  }

  /**
   * Lets the other threads know of all that was spent, in whole KiB.
   * @throws LayerslayerError UNSUPPORTED when the image's layers are past their limit together
   */
  tell(): void {
    const step = Math.ceil((this.#spent - this.#told) / KIB);
    this.#told += step * KIB;
    const all = Atomics.add(this.#used!, 0, step) + step;
    const limit = this.#allowance!.image;
    if (all * KIB > limit) throw past("the tables of the image's layers", limit);
  }

  /**
   * The tables are gone, or counted elsewhere.
   * @returns bytes that they took
   */
  release(): number {
    const spent = this.#spent;
    if (this.#used) Atomics.sub(this.#used, 0, this.#told / KIB);
    this.#told = 0;
    this.#spent = 0;
    return spent;
  }
}

function past(what: string, limit: number): LayerslayerError {
  return new LayerslayerError('UNSUPPORTED', `${what} take more than the limit of ${limit} bytes`);
}
