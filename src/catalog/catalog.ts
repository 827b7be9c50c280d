import { SILENT_LOG } from '../base/log.js';
import { ContentStore } from '../cache/content-store.js';
import { type ImageRecord, listImageRecords, type RecordedLayer } from '../engine/records/image-records.js';
import type { IndexSources } from '../index/cached-indexes.js';
import { type Digest, hasDigestPrefix } from '../oci/digest.js';
import { formatPlatform, type Platform } from '../oci/platform.js';
import { hidesMarkers } from '../tables/announcement.js';
import { bySharedLayers } from './image-order.js';
import type { EntryQuery } from './search/entry-query.js';
import { type FoundEntry, searchImage } from './search/search-image.js';
import { TableReader } from './table-reader.js';

/** An image of the cache. */
export interface CatalogImage {
  reference: string; // canonical
  digest: Digest; // of the manifest that the reference stood for last
  platform: Platform;
  layers: readonly RecordedLayer[]; // base first
}

export interface CatalogSearchOptions {
  platform?: Platform | undefined; // only images of this one
  /** Only this layer's own tree: its number, or the start of its digest. */
  layer?: number | string | undefined;
  signal?: AbortSignal | undefined;
}

/** What a search found in one image. */
export interface ImageFinds {
  image: CatalogImage;
  /** Numbers of the layers whose index was not compared with their bytes. */
  uncompared: readonly number[];
  /** To be read before the next image. */
  entries: AsyncIterable<FoundEntry>;
}

/** Bytes of tables in memory. */
const TABLE_BYTES = 64 * 1024 ** 2;

/**
 * The images of a cache whose layers are indexed, and their entries. Asks no network, starts no
 * thread, and writes nothing, not even that a file was used.
 */
export class Catalog {
  readonly #store: ContentStore;

  /**
   * @param directory of the cache, absolute
   * @param sources which indexes that others made may be used
   */
  constructor(
    directory: string,
    private readonly sources: IndexSources,
    private readonly tableBytes = TABLE_BYTES,
  ) {
    this.#store = ContentStore.forReading(directory, SILENT_LOG, { isUse: false });
  }

  /** Returns the images that were opened, sorted by reference. */
  images(): CatalogImage[] {
    const images = new Map<string, ImageRecord>(); // one that was asked for by two platforms is one
    for (const record of listImageRecords(this.#store)) images.set(nameOf(record), record);
    return [...images].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image);
  }

  /**
   * Searches the images of which each layer is indexed. Those with the same lower layers follow
   * each other.
   * @returns at the end, how many images were searched, and how many have layers without an index
   * @throws LayerslayerError as `searchImage`
   */
  async *search(
    query: EntryQuery,
    { platform, layer, signal }: CatalogSearchOptions = {},
  ): AsyncGenerator<ImageFinds, { searched: number; incomplete: number }, undefined> {
    const isAsked = (image: CatalogImage) => !platform || isOf(image.platform, platform);
    const images = bySharedLayers(this.images().filter(isAsked));
    const reader = new TableReader(this.#store, this.sources, this.tableBytes);
    let incomplete = 0;
    for (const [position, image] of images.entries()) {
      signal?.throwIfAborted();
      const wanted = numbersOf(image, layer);
      const layers = wanted.map((number) => image.layers[number - 1]!);
      const tables = await reader.read(layers, images[position + 1]?.layers ?? []);
      if (tables === undefined) {
        incomplete++;
        continue;
      }
      const searched = tables.map(({ table, codec }, i) => {
        const { tables: formats = [] } = layers[i]!;
        const hidesTableMarkers = hidesMarkers(
          formats.map((format) => ({ format })),
          codec,
        );
        return { number: wanted[i]!, hidesTableMarkers, table };
      });
      const uncompared = wanted.filter((_, i) => tables[i]!.origin.kind !== 'own');
      yield { image, uncompared, entries: searchImage(searched, query, { signal }) };
    }
    return { searched: images.length - incomplete, incomplete };
  }
}

/** @returns the numbers of the layers that are searched; none if the image has no such layer */
function numbersOf({ layers }: CatalogImage, wanted: number | string | undefined): number[] {
  const numbers = layers.map((_, i) => i + 1);
  if (wanted === undefined) return numbers;
  const isWanted = (number: number) =>
    typeof wanted === 'number' ? number === wanted : hasDigestPrefix(layers[number - 1]!.digest, wanted);
  return numbers.filter(isWanted).slice(0, 1);
}

/** A platform that was asked for without a variant is any of them. */
function isOf({ os, architecture, variant }: Platform, asked: Platform): boolean {
  if (os !== asked.os || architecture !== asked.architecture) return false;
  return asked.variant === undefined || asked.variant === variant;
}

function nameOf({ reference, digest, platform }: ImageRecord): string {
  return `${reference} ${digest} ${formatPlatform(platform)}`;
}
