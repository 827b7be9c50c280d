import { join } from 'node:path';
import { LayerslayerError } from '../base/errors.js';

/**
 * What is cached, in the order of eviction. A page costs one small request, a merged tree some
 * tenths of a second, a manifest a request that counts as a pull, and a layer index the whole blob.
 * An image record says what the others are for. Long states of a layer's checkpoints are not in its
 * index: without them, reads are slow. A refutation says that an index of a layer is wrong
 * (`index/stored-indexes.ts`).
 */
export const STORE_KINDS = ['page', 'tree', 'manifest', 'image', 'states', 'index', 'refutation'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** Folder of the store's format below the cache directory. */
export const STORE_VERSION = 'v2';

/** Folders of older formats. They are not read, but removed (`old-layouts.ts`). */
export const OLD_VERSIONS = ['v1'] as const;

/** Folders below the version, all in one file system, so that a rename publishes a file. */
export const FOLDER: Record<StoreKind | 'temporary', string> = {
  page: 'pages',
  tree: 'trees',
  manifest: 'manifests',
  image: 'images',
  states: 'states',
  index: 'index',
  refutation: 'refuted',
  temporary: 'tmp',
};

/** Folder for the locks of processes that share this version, created with the first lock. */
export const LOCK_FOLDER = 'locks';

/** One or two path components that cannot climb, hide or exceed a file name's 255 bytes. */
const KEY = /^[a-z0-9][a-z0-9:._-]{0,199}(\/[a-z0-9][a-z0-9:._-]{0,199})?$/;

/** @throws LayerslayerError INVALID_ARGUMENT for an invalid key: callers must check keys before */
export function storePath(root: string, kind: StoreKind, key: string): string {
  if (!KEY.test(key)) {
    throw new LayerslayerError('INVALID_ARGUMENT', `not a cache key: ${JSON.stringify(key)}`);
  }
  return join(root, FOLDER[kind], key);
}
