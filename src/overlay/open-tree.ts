import { createHash } from 'node:crypto';
import { asLayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type IndexOrigin, originKey } from '../index/cached-indexes.js';
import { LAYER_INDEX_VERSION } from '../index/entry-table.js';
import type { Digest } from '../oci/digest.js';
import type { NumberedLayer, Tree } from './tree.js';
import { decodeTree, TREE_VERSION } from './tree-codec.js';

export { decodeTree, digestsOfTree } from './tree-codec.js';
export { sharedTree, type TreeColumns, treeColumns, treeOfColumns } from './tree-columns.js';

/** Merged trees on disk, as bytes. A miss is undefined. A failed write is not reported. */
export interface TreeStore {
  read(key: string): Promise<Uint8Array | undefined>;
  /** Opens one, so that another thread can read it. The caller closes it. */
  open?(key: string): Promise<StoredTree | undefined>;
  /** Returns at once; `bytes` are not changed any more. */
  write(key: string, bytes: Uint8Array): void;
  remove(key: string): Promise<void>;
}

/** An encoded tree on disk. */
export interface StoredTree {
  fd: number;
  size: number; // bytes
  close(): void;
}

/** The cached tree is named by the layers, and by where their indexes came from. */
export type DigestedLayer = NumberedLayer & {
  layer: { digest: Digest; origin: IndexOrigin; fingerprint: number };
};

/** A merged tree. */
export interface LoadedTree {
  tree: Tree;
  warnings: readonly string[]; // the merge's, of skipped entries
}

/** A tree that was merged just now. */
export interface MadeTree extends LoadedTree {
  bytes: Uint8Array; // what `encodeTree` returns
}

/**
 * Makes trees, in this thread or in another one. Given by the caller: a second mount loads no code
 * of a merge.
 */
export interface TreeMaker {
  /** @throws LayerslayerError as mergeLayers; the signal's reason, if it can end a merge */
  merge(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<MadeTree>;
  /**
   * Loads a large tree. Default: this thread does.
   * @param fd of an encoded tree
   * @throws LayerslayerError CORRUPT_LAYER for a damaged one
   */
  load?(fd: number, layers: readonly DigestedLayer[]): Promise<LoadedTree>;
}

/** Bytes of an encoded tree. Loading fewer takes 1 ms, which is not worth another thread. */
const LARGE_TREE = 256 * 1024;

export interface OpenTreeOptions {
  cache: TreeStore;
  log: Log; // receives a warning for each entry that the tree does not show
  maker: TreeMaker; // makes the tree if it is not in the cache, and loads large ones
  signal?: AbortSignal | undefined; // ends a merge
}

/**
 * Returns the merged tree of layers, from the cache or by a merge. Merging 30,000 entries takes a
 * starting process 0.15 s, loading their tree 0.01 s (measured).
 * @param layers base first
 * @throws as `TreeMaker.merge`
 */
export async function openTree(
  layers: readonly DigestedLayer[],
  { cache, log, maker, signal }: OpenTreeOptions,
): Promise<Tree> {
  const key = keyOf(layers);
  const cached = await load(key, layers, { cache, log, maker });
  if (cached) {
    for (const warning of cached.warnings) log.warn(warning);
    return cached.tree;
  }
  const { tree, warnings, bytes } = await maker.merge(layers, signal);
  for (const warning of warnings) log.warn(warning);
  cache.write(key, bytes);
  return tree;
}

async function load(
  key: string,
  layers: readonly DigestedLayer[],
  { cache, log, maker }: OpenTreeOptions,
): Promise<LoadedTree | undefined> {
  const stored = maker.load && (await cache.open?.(key));
  try {
    if (maker.load && stored && stored.size >= LARGE_TREE) return await maker.load(stored.fd, layers);
    const bytes = await cache.read(key);
    return bytes && decodeTree(bytes, layers);
  } catch (error) {
    log.warn(`the cached tree is not used: ${(error as Error).message}`);
    // Another fault is the maker's: the file may be right.
    if (asLayerslayerError(error).code === 'CORRUPT_LAYER') await cache.remove(key);
    return undefined;
  } finally {
    stored?.close();
  }
}

/**
 * Names the layers, their order and numbers, the origins of their indexes, what is hidden, and both
 * formats: the tree holds rows of the layers' indexes. Inode numbers are stable for one origin.
 */
function keyOf(layers: readonly DigestedLayer[]): string {
  const names = layers
    .map(({ layer: { digest, origin, fingerprint }, number, hidesTableMarkers }) => {
      // Others may publish another index of the layer in the same place.
      const index = origin.kind === 'own' ? '' : `${originKey(origin)}.${fingerprint}`;
      return `${number} ${digest}${index}${hidesTableMarkers ? ' hides tables' : ''}`;
    })
    .join('\n');
  const hash = createHash('sha256').update(names).digest('hex');
  return `${TREE_VERSION}.${LAYER_INDEX_VERSION}/${hash}`;
}
