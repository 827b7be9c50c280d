import { LayerslayerError } from '../../base/errors.js';

const MIB = 1024 ** 2;
const KIB = 1024;

/** Smaller images get the limit of this size. All tables of a mount then stay below 512 MiB. */
const SMALL_IMAGE = 16 * MIB;
const BASE = 64 * MIB;
/** Table bytes of a layer per compressed byte. */
const LAYER_TIMES = 16;
/** Bytes of an image's tables and merge per compressed byte; 256 MiB for small images. */
const MERGE_TIMES = 12;
/** Table bytes of an image per compressed byte: the merge needs room too. */
const TABLE_TIMES = 8;

/** Bytes between checks of the shared count. */
const STEP = 256 * KIB;

/** Plain data, so that it can be sent to threads. */
export interface TableAllowance {
  layer: number; // limit of the layer's tables, in bytes
  image: number; // limit of all tables of its image, in bytes
  used: SharedArrayBuffer; // KiB of the image's limit that all threads use
}

/**
 * Returns the limit of a layer's tables and heaps for `size` compressed bytes. One MiB of gzip may
 * hold 10^6 entries. (rule L3)
 */
export function layerTableLimit(size: number): number {
  return BASE + LAYER_TIMES * size;
}

/** Returns the limit of all layers of an image with `size` compressed bytes in total. */
export function imageTableLimit(size: number): number {
  return BASE + TABLE_TIMES * Math.max(SMALL_IMAGE, size);
}

/** Returns the limit of an image's tables and their merge. */
export function mergeLimit(size: number): number {
  return BASE + MERGE_TIMES * Math.max(SMALL_IMAGE, size);
}

/** Counts the memory of one layer's tables, within the limit that its image's layers share. */
export class TableBudget {
  readonly #allowance: TableAllowance | undefined;
  readonly #used: Int32Array | undefined;
  #spent = 0; // bytes
  #told = 0; // bytes of it in the shared count

  /** @param allowance undefined: no limit */
  constructor(allowance?: TableAllowance) {
    this.#allowance = allowance;
    this.#used = allowance && new Int32Array(allowance.used);
  }

  /** @throws LayerslayerError UNSUPPORTED past a limit, naming it */
  spend(bytes: number): void {
    if (!this.#allowance) return;
    const limit = this.#allowance.layer;
    this.#spent += bytes;
    if (this.#spent > limit) throw past("the layer's tables", limit);
    if (this.#spent - this.#told >= STEP) this.tell();
  }

  /**
   * Adds all bytes spent to the shared count, in whole KiB.
   * @throws LayerslayerError UNSUPPORTED if the image's layers exceed their limit together
   */
  tell(): void {
    const step = Math.ceil((this.#spent - this.#told) / KIB);
    this.#told += step * KIB;
    const all = Atomics.add(this.#used!, 0, step) + step;
    const limit = this.#allowance!.image;
    if (all * KIB > limit) throw past("the tables of the image's layers", limit);
  }

  /**
   * Ends the count: the tables are gone or counted elsewhere.
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
