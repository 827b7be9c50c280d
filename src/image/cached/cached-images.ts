import { SILENT_LOG } from '../../base/log.js';
import { latin1 } from '../../base/text/latin1.js';
import { textOfBytes } from '../../base/text/raw-text.js';
import { ContentStore, type StoredFile } from '../../cache/content-store.js';
import {
  type ImageRecord,
  imageRecordOf,
  listImageRecords,
  readImageRecord,
} from '../../engine/records/image-records.js';
import {
  type IndexOrigin,
  type IndexSources,
  isAdmitted,
  OWN,
  readStoredNames,
  StoredIndexes,
} from '../../index/cached-indexes.js';
import type { NameTable } from '../../index/entry-table.js';
import type { Digest } from '../../oci/digest.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import { type ListedName, namesIn } from '../../overlay/names/directory-names.js';
import { findDirectory, type SearchBudget } from '../../overlay/names/find-directory.js';

/** A name in a directory of an image. */
export interface CachedName {
  name: string; // bytes that are not UTF-8 are surrogates (base/text/raw-text.ts)
  isDirectory: boolean; // or a symlink that leads to one
}

/** An image that was opened. */
export interface CachedImage {
  reference: string; // canonical
  digest: Digest; // of the manifest that it stood for last
  platform: Platform;
  layers: number;
  digests: readonly Digest[]; // of the layers, each once
  indexedLayers: number; // of them
  usedMs: number; // since 1970
}

/** Symlinks of one list that are followed. Each costs searches of all tables. */
const FOLLOWED_MAX = 16;

/** Rows that are searched for the directory and those links: 30 ns each (measured). */
const SEARCHED_MAX = 2_000_000;

/**
 * What the cache has of images, for callers that must not wait: no network, no merge, no thread.
 * Nothing is written, not even that a file was used.
 */
export class CachedImages {
  readonly #store: ContentStore;

  /**
   * @param directory of the cache, absolute
   * @param sources which indexes that others made count; default: all
   */
  constructor(
    directory: string,
    private readonly sources?: IndexSources,
  ) {
    this.#store = ContentStore.forReading(directory, SILENT_LOG, { isUse: false });
  }

  /** Returns the canonical references of images that were opened, sorted. */
  references(limit: number): string[] {
    const records = listImageRecords(this.#store, limit);
    return [...new Set(records.map(({ reference }) => reference))].sort();
  }

  /**
   * Returns the images that were opened, the one used last first.
   * @param files of the cache
   */
  images(files: readonly StoredFile[]): CachedImage[] {
    const images = new Map<string, CachedImage>(); // one that was asked for by two platforms is one
    for (const { kind, key, usedMs } of files) {
      const record = kind === 'image' ? imageRecordOf(this.#store, key) : undefined;
      if (record === undefined) continue;
      const { reference, digest, platform, layers } = record;
      const name = `${reference} ${digest} ${formatPlatform(platform)}`;
      if (usedMs <= (images.get(name)?.usedMs ?? 0)) continue;
      const indexedLayers = layers.filter((layer) => this.#isIndexed(layer)).length;
      const digests = [...new Set(layers.map((layer) => layer.digest))];
      images.set(name, {
        reference,
        digest,
        platform,
        layers: layers.length,
        digests,
        indexedLayers,
        usedMs,
      });
    }
    return [...images.values()].sort((a, b) => b.usedMs - a.usedMs || (a.reference < b.reference ? -1 : 1));
  }

  /**
   * Returns names in a directory of an image whose layers are all indexed.
   * @param image `reference` is canonical
   * @param directory its path; symlinks are followed
   * @param options.prefix of the names
   * @param options.limit maximum names
   * @param options.tableBytes limit of the names of all layers in memory; a larger image has no
   *   names here
   */
  names(
    image: { reference: string; platform: Platform },
    directory: string,
    options: { prefix: string; limit: number; tableBytes: number },
  ): CachedName[] {
    const record = readImageRecord(this.#store, image.reference, image.platform);
    const layers = record && this.#layers(record, options.tableBytes);
    if (layers === undefined) return [];
    const budget = { rows: SEARCHED_MAX };
    const path = findDirectory(layers, latin1(Buffer.from(directory)), budget);
    if (path === undefined) return [];
    const query = { prefix: Buffer.from(options.prefix), limit: options.limit };
    const listed = namesIn(layers, path, query);
    const isFollowed = listed.filter(({ kind }) => kind === 'symlink').length <= FOLLOWED_MAX;
    return listed.map((one) => ({
      name: textOfBytes(one.name),
      isDirectory: one.kind === 'dir' || (isFollowed && leadsToDirectory(layers, path, one, budget)),
    }));
  }

  #isIndexed({ digest, origin = OWN }: ImageRecord['layers'][number]): boolean {
    const indexes = new StoredIndexes(this.#store, SILENT_LOG);
    return [OWN, origin].some(
      (one) => this.#isCounted(one) && indexes.has(digest, one) && !indexes.isRefuted(digest, one),
    );
  }

  #isCounted(origin: IndexOrigin): boolean {
    return this.sources === undefined || isAdmitted(origin, this.sources);
  }

  /** @returns undefined unless each layer has an index, and all fit */
  #layers(record: ImageRecord, limit: number): NameTable[] | undefined {
    const layers: NameTable[] = [];
    let left = limit;
    for (const { digest, origin = OWN } of record.layers) {
      const own = readStoredNames(this.#store, digest, OWN, left);
      const isFurther = origin.kind !== 'own' && this.#isCounted(origin);
      const found = own ?? (isFurther ? readStoredNames(this.#store, digest, origin, left) : undefined);
      if (found === undefined) return undefined;
      layers.push(found.names);
      left -= found.size;
    }
    return layers;
  }
}

function leadsToDirectory(
  layers: readonly NameTable[],
  directory: Uint8Array,
  { kind, name }: ListedName,
  budget: SearchBudget,
): boolean {
  if (kind !== 'symlink') return false;
  return findDirectory(layers, `${latin1(directory)}/${latin1(name)}`, budget) !== undefined;
}
