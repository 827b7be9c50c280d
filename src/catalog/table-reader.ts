import type { ContentStore } from '../cache/content-store.js';
import type { RecordedLayer } from '../engine/records/image-records.js';
import {
  type IndexOrigin,
  type IndexSources,
  isAdmitted,
  OWN,
  originKey,
  readStoredTable,
} from '../index/cached-indexes.js';
import { SearchTable } from './search/search-table.js';

/** A layer's entries, and what else its index says of them. */
export interface ReadTable {
  table: SearchTable;
  codec: string;
  origin: IndexOrigin;
}

/** Tables that are read before they are asked for: their sections are inflated in libuv's pool. */
const AHEAD = 2;

/**
 * Reads the tables of layers for one image after the other, each once for images that follow each
 * other. Tables of past and coming images take at most `limit` bytes with those of the present one.
 * An image whose own take more is alone in memory.
 */
export class TableReader {
  /** By layer, the one used last at the end; undefined: there is none. */
  readonly #tables = new Map<string, ReadTable | undefined>();
  readonly #reading = new Map<string, Promise<ReadTable | undefined>>();

  /**
   * @param sources which indexes that others made may be used
   * @param limit bytes
   */
  constructor(
    private readonly store: ContentStore,
    private readonly sources: IndexSources,
    private readonly limit: number,
  ) {}

  /**
   * Returns the tables of an image's layers.
   * @param coming layers that will likely be asked for next, the next one first
   * @returns undefined unless each layer has an index
   */
  async read(
    layers: readonly RecordedLayer[],
    coming: readonly RecordedLayer[],
  ): Promise<ReadTable[] | undefined> {
    const used = new Set(layers.map(keyOf));
    const found: ReadTable[] = [];
    for (const [position, layer] of layers.entries()) {
      const wanted = this.#table(layer, used);
      this.#readAhead([...layers.slice(position + 1), ...coming]);
      const table = await wanted;
      if (table === undefined) return undefined;
      found.push(table);
    }
    return found;
  }

  async #table(layer: RecordedLayer, used: ReadonlySet<string>): Promise<ReadTable | undefined> {
    const key = keyOf(layer);
    const ahead = this.#reading.get(key);
    let table = ahead ? await ahead : this.#tables.get(key);
    if (table === undefined && !this.#tables.has(key)) {
      this.#evict(used);
      table = await this.#start(layer, Number.POSITIVE_INFINITY);
    }
    this.#tables.delete(key); // to the end
    this.#tables.set(key, table);
    this.#evict(used);
    return table;
  }

  #readAhead(coming: readonly RecordedLayer[]): void {
    for (const layer of coming.slice(0, AHEAD)) {
      const key = keyOf(layer);
      if (this.#reading.size > AHEAD || this.#tables.has(key) || this.#reading.has(key)) continue;
      void this.#start(layer, (this.limit - this.#size()) / AHEAD);
    }
  }

  /** Reads a table that is not there. @returns undefined also past the limit */
  #start(layer: RecordedLayer, limit: number): Promise<ReadTable | undefined> {
    const key = keyOf(layer);
    const reading = this.#load(layer, limit)
      .then((table) => {
        if (table) this.#tables.set(key, table); // else it is missing, or has no room now
        return table;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  /** An index of our own pass comes first, as for a mount. */
  async #load({ digest, origin }: RecordedLayer, limit: number): Promise<ReadTable | undefined> {
    for (const one of origin && isAdmitted(origin, this.sources) ? [OWN, origin] : [OWN]) {
      const encoded = await readStoredTable(this.store, digest, one, limit);
      if (!encoded) continue;
      const table = new SearchTable(encoded.names, encoded.size, () => encoded.entries());
      return { table, codec: encoded.codec, origin: one };
    }
    return undefined;
  }

  /** Drops the tables used longest ago, but not those of the present image. */
  #evict(used: ReadonlySet<string>): void {
    let size = this.#size();
    for (const [key, read] of this.#tables) {
      if (size <= this.limit) return;
      if (used.has(key) || read === undefined) continue;
      size -= read.table.size;
      this.#tables.delete(key);
    }
  }

  #size(): number {
    let size = 0;
    for (const read of this.#tables.values()) size += read?.table.size ?? 0;
    return size;
  }
}

function keyOf({ digest, origin }: RecordedLayer): string {
  return `${digest}${origin ? originKey(origin) : ''}`;
}
