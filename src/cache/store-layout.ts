import { join } from 'node:path';
import { LayerslayerError } from '../base/errors.js';

/**
 * What is cached, in the order of eviction. A page costs one small request, a merged tree some
 * tenths of a second, a manifest a request that counts as a pull, and a layer index the whole blob.
 * An image record says what the others are for.
 */
export const STORE_KINDS = ['page', 'tree', 'manifest', 'image', 'index'] as const;
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
  index: 'index',
  temporary: 'tmp',
};

/** Folder for the locks of processes that share this version, created with the first lock. */
export const LOCK_FOLDER = 'locks';

/** One or two path components that cannot climb, hide or exceed a file name's 255 bytes. */
const KEY = /^[a-z0-9][a-z0-9:._-]{0,199}(\/[a-z0-9][a-z0-9:._-]{0,199})?$/;

/**
 * Folder of a blob's pages that were not checked by digests of blocks: their readers check what
 * they decode. Verified pages are in the folder that is named by the digest.
 */
export function unverifiedFolder(digest: string): string {
  return `${digest}.unverified`;
}

/**
 * Key of a page of compressed bytes.
 * @param folder the blob's digest, or its `unverifiedFolder`
 */
export function pageKey(folder: string, page: number): string {
  return `${folder}/${page}`;
}

/** Key of a run of pages in one file. Keys of runs and of pages never collide. */
export function pageRunKey(folder: string, run: number): string {
  return `${folder}/r${run}`;
}

/** Key of a block of compressed bytes that came without the rest of its page. */
export function blockKey(folder: string, block: number): string {
  return `${folder}/b${block}`;
}

/**
 * Key of a layer index: the format's version is in the path, so that formats never meet.
 * @param origin names where the index came from; default: our own pass
 */
export function indexKey(format: number, digest: string, origin = ''): string {
  return `${format}/${digest}${origin}`;
}

/** @throws LayerslayerError INVALID_ARGUMENT for an invalid key: callers must check keys before */
export function storePath(root: string, kind: StoreKind, key: string): string {
  if (!KEY.test(key)) {
    throw new LayerslayerError('INVALID_ARGUMENT', `not a cache key: ${JSON.stringify(key)}`);
  }
  return join(root, FOLDER[kind], key);
}
