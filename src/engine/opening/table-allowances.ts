import type { CachedIndex } from '../../index/cached-indexes.js';
import {
  imageTableLimit,
  layerTableLimit,
  type TableAllowance,
  TableBudget,
} from '../../index/pass/table-budget.js';
import type { Digest } from '../../oci/digest.js';
import type { ResolvedImage } from '../../source/image-source.js';

interface Tables {
  limit: number; // bytes of all layers' tables
  used: SharedArrayBuffer; // KiB used of the limit
  loaded: Set<Digest>;
}

/** Counts the memory of each image's layer tables: 1,000 small layers may have several MiB each. */
export class TableAllowances {
  readonly #images = new Map<Digest, Tables>();

  /**
   * Returns the allowance of a pass over one of the image's layers.
   * @param size compressed bytes of the layer
   */
  allowance(image: ResolvedImage, size: number): TableAllowance {
    const { limit, used } = this.#of(image);
    return { layer: layerTableLimit(size), image: limit, used };
  }

  /**
   * Counts a layer's index that is now in memory.
   * @throws LayerslayerError UNSUPPORTED if the image's indexes exceed the limit together
   */
  loaded(image: ResolvedImage, { digest, entries }: CachedIndex['index']): void {
    const { limit, used, loaded } = this.#of(image);
    if (loaded.has(digest)) return;
    loaded.add(digest);
    const budget = new TableBudget({ layer: Number.POSITIVE_INFINITY, image: limit, used });
    budget.spend(entries.footprint?.tableBytes ?? 0);
    budget.tell();
  }

  #of({ digest, manifest }: ResolvedImage): Tables {
    const known = this.#images.get(digest);
    if (known) return known;
    const sizes = new Map(manifest.layers.map((layer) => [layer.digest, layer.size]));
    const limit = imageTableLimit([...sizes.values()].reduce((sum, size) => sum + size, 0));
    const tables = { limit, used: new SharedArrayBuffer(4), loaded: new Set<Digest>() };
    this.#images.set(digest, tables);
    return tables;
  }
}
