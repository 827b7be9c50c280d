import type { LayerIndex } from '../layer/layer-index.js';
import { imageTableLimit, layerTableLimit, type TableAllowance, TableBudget } from '../layer/table-budget.js';
import type { Digest } from '../oci/digest.js';
import type { ResolvedImage } from './image-source.js';

interface Tables {
  limit: number; // bytes of all layers' tables
  used: SharedArrayBuffer; // KiB of it
  loaded: Set<Digest>;
}

/** Counts what the tables of each image's layers take: 1,000 small layers may each have some MiB. */
export class TableAllowances {
  readonly #images = new Map<Digest, Tables>();

  /**
   * What a pass over one of the image's layers may take.
   * @param size compressed bytes of the layer
   */
  allowance(image: ResolvedImage, size: number): TableAllowance {
    const { limit, used } = this.#of(image);
    return { layer: layerTableLimit(size), image: limit, used };
  }

  /**
   * A layer's index is in memory now.
   * @throws LayerslayerError UNSUPPORTED when those of the image are too much together
   */
  loaded(image: ResolvedImage, { digest, entries }: LayerIndex): void {
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
