import { asLayerslayerError, type LayerslayerError } from '../../base/errors.js';
import { treeUsage } from '../../overlay/usage/tree-usage.js';
import { type UsageOrder, usageRows } from '../../overlay/usage/usage-rows.js';
import type { AskedPath } from '../paths/asked-path.js';
import type { DeletionHints } from '../paths/deletion-hint.js';
import { findPaths, type SearchedView } from '../paths/find-paths.js';
import { layerBytes } from './layer-bytes.js';

/** What a directory, or a file, and all below it has. */
export interface DirectoryUsage {
  names: readonly Uint8Array[]; // from the root; symlinks on the way to PATH are resolved
  isAsked: boolean; // PATH itself, or what its pattern matches
  layer: number | undefined; // from which the bytes are; undefined: not by layer
  bytes: number; // of files, and of the targets of symlinks
  entries: number; // inodes, those of directories too
}

export interface DirectoryUsageOptions {
  depth?: number | undefined; // names below PATH; default: all
  files?: boolean | undefined; // rows of files too
  byLayer?: boolean | undefined; // a row for each layer that has something there
  hints: DeletionHints;
  where?: string | undefined; // name of the view in messages; default: the image
  /** Takes the error of a PATH, as of findPaths. The others are summed up. */
  failed(error: LayerslayerError): void;
}

export interface DirectoryUsageReport {
  bytes: number; // of PATH
  entries: number;
  /** Bytes of all files' contents in the view's layers, uncompressed, shown or not. */
  readonly layerBytes: number;
  rows(order: UsageOrder): Iterable<DirectoryUsage>;
}

/**
 * Sums up the sizes of directories at and below each PATH, see `treeUsage`. PATH may be a symlink,
 * which is followed. Symlinks that a pattern matches are not.
 */
export function directoryUsage(
  view: SearchedView,
  asked: readonly AskedPath[],
  { hints, where, failed, byLayer = false, ...options }: DirectoryUsageOptions,
): DirectoryUsageReport {
  const starts = asked.flatMap((one) => {
    try {
      return findPaths(view, one, { hints, where, followMatches: 'parents' });
    } catch (error) {
      failed(asLayerslayerError(error));
      return [];
    }
  });
  const columns = treeUsage(view.tree, starts, { byLayer, ...options });
  return {
    ...columns.total(),
    get layerBytes() {
      return layerBytes(view.layers);
    },
    *rows(order) {
      for (const { names, isStart, group, bytes, entries } of usageRows(columns, order))
        yield { names, isAsked: isStart, layer: byLayer ? group : undefined, bytes, entries };
    },
  };
}
