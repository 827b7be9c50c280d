import { closeSync, fstatSync } from 'node:fs';
import { SILENT_LOG } from '../../../base/log.js';
import { ContentStore } from '../../../cache/content-store.js';
import { listImageRecords, type RecordedLayer } from '../../../engine/records/image-records.js';
import {
  type IndexOrigin,
  type IndexSources,
  isAdmitted,
  OWN,
  originKey,
  readStoredTable,
  StoredIndexes,
} from '../../../index/cached-indexes.js';
import { type EntryTable, indexKey, LAYER_INDEX_VERSION } from '../../../index/entry-table.js';
import type { Digest } from '../../../oci/digest.js';
import { registryReference } from '../../../oci/image-location.js';

/** Bytes of a table in memory: one of more is not searched. */
const TABLE_BYTES = 1024 ** 3;

/** A layer whose index is cached, in an image that was opened. */
export interface IndexedLayer {
  owner: string; // `library`, `ghcr.io/team`; empty for an image on this machine
  repo: string;
  tag: string; // or digest
  idx: number; // from 0, base first
  size: number; // compressed bytes
  digest: Digest;
  origin: IndexOrigin; // of the index
  indexedMs: number; // when the index was written, since 1970
}

/**
 * The cached indexes of all images that were opened. Asks no network, and changes nothing, not even
 * when a file was used last.
 */
export class IndexedLayers {
  readonly #store: ContentStore;

  /**
   * @param directory of the cache, absolute
   * @param sources which indexes that others made count
   */
  constructor(
    directory: string,
    private readonly sources: IndexSources,
  ) {
    this.#store = ContentStore.forReading(directory, SILENT_LOG, { isUse: false });
  }

  /** Returns them, in no order. */
  all(): IndexedLayer[] {
    const rows = new Map<string, IndexedLayer>(); // platforms may share a layer
    for (const { reference, layers } of listImageRecords(this.#store)) {
      const name = splitReference(reference);
      for (const [idx, layer] of layers.entries()) {
        const found = this.#find(layer);
        if (found) rows.set(`${reference} ${idx} ${layer.digest}`, { ...name, ...found, idx });
      }
    }
    return [...rows.values()];
  }

  /** Returns a layer's entries; undefined if the index is gone meanwhile, damaged, or too large. */
  async entries({ digest, origin }: IndexedLayer): Promise<EntryTable | undefined> {
    const table = await readStoredTable(this.#store, digest, origin, TABLE_BYTES);
    try {
      return table?.entries();
    } catch {
      return undefined;
    }
  }

  /** An index of an own pass comes first, as for a mount. */
  #find({ digest, size, origin = OWN }: RecordedLayer) {
    const indexes = new StoredIndexes(this.#store, SILENT_LOG);
    const isFurther = origin.kind !== 'own' && isAdmitted(origin, this.sources);
    for (const one of isFurther ? [OWN, origin] : [OWN]) {
      const ms = indexes.isRefuted(digest, one) ? undefined : indexedMs(this.#store, digest, one);
      if (ms !== undefined) return { digest, size, origin: one, indexedMs: ms };
    }
    return undefined;
  }
}

/**
 * Returns when a layer's index was written. The file's mtime is its last use, so the time of its
 * birth counts; mtime where the file system has none.
 * @returns milliseconds since 1970; undefined if it is not cached
 */
export function indexedMs(store: ContentStore, digest: Digest, origin: IndexOrigin): number | undefined {
  const fd = store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest, originKey(origin)));
  if (fd === undefined) return undefined;
  try {
    const { birthtimeMs, mtimeMs } = fstatSync(fd);
    return Math.floor(birthtimeMs > 0 ? birthtimeMs : mtimeMs);
  } finally {
    closeSync(fd);
  }
}

/** Returns the parts that the first tool showed: `library`, `nginx`, `alpine`. */
export function splitReference(reference: string): Pick<IndexedLayer, 'owner' | 'repo' | 'tag'> {
  const inRegistry = registryReference(reference);
  if (!inRegistry) return { owner: '', repo: reference, tag: '' };
  const { registry, repository, tag, digest } = inRegistry;
  const names = repository.split('/');
  const repo = names.pop()!;
  const owner = (registry === 'docker.io' ? names : [registry, ...names]).join('/');
  return { owner, repo, tag: tag ?? digest ?? '' };
}

/** `library/nginx:alpine` */
export function imageName({ owner, repo, tag }: Pick<IndexedLayer, 'owner' | 'repo' | 'tag'>): string {
  return `${owner === '' ? '' : `${owner}/`}${repo}${tag === '' ? '' : `:${tag}`}`;
}
