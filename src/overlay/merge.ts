import { LayerslayerError, withContext } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';
import type { EntryTable } from '../index/entry-table.js';
import { mergeLimit } from '../index/table-budget.js';
import { applyMarkers } from './apply-markers.js';
import { DraftTree } from './draft-tree.js';
import { LinkFollower } from './follow-links.js';
import { freeze } from './freeze.js';
import { LayerWriter } from './layer-writer.js';
import { MAX_DRAFT_INODES, MAX_ENTRIES, MAX_LAYERS, MAX_PATH_HEAP } from './limits.js';
import type { MergedTree } from './merged-tree.js';
import { SkippedEntries } from './skipped-entries.js';

export interface NumberedLayer {
  entries: EntryTable;
  number: number; // from 1, base first; numbers may be missing when only some layers are shown
}

export interface MergeOptions {
  /** Told of each entry that is not shown, and why; at most 100 a layer by name. */
  onWarning?: (message: string) => void;
  /** Told of every one of them. */
  onSkipped?: (layerNumber: number, row: number) => void;
  signal?: AbortSignal; // asked before each layer: a merge never waits
}

/**
 * Lays the layers over each other, base first. Each is applied in two passes, its markers and then its entries, in
 * the order of the archive: what an entry replaces is gone, for a directory with all below it, also when a later entry
 * of the layer replaces that one again. (overlay/RULES.md O1; so does umoci)
 * @throws LayerslayerError UNSUPPORTED when a limit is passed (the message names it); the signal's reason
 */
export function mergeLayers(layers: readonly NumberedLayer[], options: MergeOptions = {}): MergedTree {
  const tables = layers.map((layer) => layer.entries);
  checkLimits(tables);
  const draft = new DraftTree(tables, MAX_DRAFT_INODES, mergeBytes(tables));
  const follower = new LinkFollower(draft);
  for (const [position, layer] of layers.entries()) {
    options.signal?.throwIfAborted();
    try {
      applyMarkers(draft, layer.entries);
      const skipped = new SkippedEntries(layer.number, options.onWarning, options.onSkipped);
      new LayerWriter(draft, position, layer.entries, follower, skipped).apply();
    } catch (error) {
      throw withContext(error, `layer ${layer.number}`);
    }
  }
  const tree = freeze(
    draft,
    layers.map((layer) => layer.number),
  );
  garbageMade(draft.bytes);
  return tree;
}

/** Returns the memory that the tables leave of their image's limit. */
function mergeBytes(tables: readonly EntryTable[]): number {
  let blobBytes = 0;
  let tableBytes = 0;
  let isLimited = false;
  for (const { footprint } of new Set(tables)) {
    if (!footprint) continue;
    isLimited = true;
    blobBytes += footprint.blobSize;
    tableBytes += footprint.tableBytes;
  }
  return isLimited ? mergeLimit(blobBytes) - tableBytes : Number.POSITIVE_INFINITY;
}

function checkLimits(tables: readonly EntryTable[]): void {
  if (tables.length > MAX_LAYERS) {
    throw new LayerslayerError('UNSUPPORTED', `merging ${tables.length} layers: the limit is ${MAX_LAYERS}`);
  }
  const entries = tables.reduce((sum, table) => sum + table.length, 0);
  if (entries > MAX_ENTRIES) {
    throw new LayerslayerError('UNSUPPORTED', `merging ${entries} entries: the limit is ${MAX_ENTRIES}`);
  }
  const pathBytes = Math.max(0, ...tables.map((table) => table.pathHeap.length));
  if (pathBytes > MAX_PATH_HEAP) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `merging a layer with ${pathBytes} bytes of paths: the limit is ${MAX_PATH_HEAP}`,
    );
  }
}
