import type { ComparedFiles } from './compared-files.js';
import type { ContentPairs } from './content-pairs.js';

/**
 * Bytes that a step back costs: the way from the checkpoint before, on average. Checkpoints are up
 * to 1 MiB apart.
 */
const STEP_BACK = 512 * 1024;

/** Numbers of layers are smaller. */
const LAYER_NUMBERS = 2 ** 16;

interface LayerPair {
  bytes: number; // of one side's files
  stepsBack: number; // of the second side, if the first is read forward
  last: number; // inode of the second side
}

/** Finds the layers of the two sides that have their files in another order. */
export class ShuffledLayers {
  readonly #layers = new Map<number, LayerPair>(); // by the numbers of both

  /** @param order all pairs in the order of the first side's data */
  constructor(
    private readonly files: ComparedFiles,
    pairs: ContentPairs,
    order: Uint32Array,
  ) {
    for (const pair of order) {
      const key = this.#key(pair);
      const known = this.#layers.get(key) ?? { bytes: 0, stepsBack: 0, last: 0 };
      this.#layers.set(key, known);
      const to = pairs.to(pair);
      if (to < known.last) known.stepsBack++;
      known.last = to;
      known.bytes += files.from(pair).size;
    }
  }

  /**
   * Returns whether reading a pair with its neighbours would decompress more by steps back than the
   * files themselves take. Sparse files are never hashed: their holes may be endless.
   */
  has(pair: number): boolean {
    const { bytes, stepsBack } = this.#layers.get(this.#key(pair))!;
    if (stepsBack * STEP_BACK <= bytes) return false;
    return !this.files.from(pair).sparse && !this.files.to(pair).sparse;
  }

  #key(pair: number): number {
    return this.files.from(pair).number * LAYER_NUMBERS + this.files.to(pair).number;
  }
}
