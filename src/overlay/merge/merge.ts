import { LayerslayerError, withContext } from '../../base/errors.js';
import { garbageMade } from '../../base/process/garbage.js';
import type { EntryTable } from '../../index/entry-table.js';
import { mergeLimit } from '../../index/pass/table-budget.js';
import { LAYERS_MAX } from '../../oci/manifest.js';
import { MAX_DRAFT_INODES, MAX_ENTRIES, MAX_PATH_HEAP } from '../limits.js';
import type { MergedTree } from '../merged-tree.js';
import type { NumberedLayer } from '../tree.js';
import { applyMarkers } from './apply-markers.js';
import { DraftTree } from './draft-tree.js';
import { LinkFollower } from './follow-links.js';
import { freeze } from './freeze.js';
import { LayerWriter, SkippedEntries } from './layer-writer.js';
import type { MergeObserver } from './merge-observer.js';

export interface MergeOptions {
  /** Receives a line for each entry that is not shown; at most 100 a layer by name. */
  onWarning?: (message: string) => void;
  observe?: (draft: DraftTree) => MergeObserver;
  signal?: AbortSignal; // checked before each layer: a merge never waits
}

/**
 * Lays the layers over each other, base first. Each is applied in two passes, its markers and then
 * its entries, in the order of the archive: what an entry replaces is gone, for a directory with
 * all below it, also when a later entry of the layer replaces that one again. (rule O1; so does
 * umoci)
 * @throws LayerslayerError UNSUPPORTED when a limit is passed (the message names it); the signal's
 *   reason
 */
export function mergeLayers(layers: readonly NumberedLayer[], options: MergeOptions = {}): MergedTree {
  const { draft } = draftOf(layers, options);
  const tree = freeze(
    draft,
    layers.map((layer) => layer.number),
  );
  garbageMade(draft.bytes);
  return tree;
}

interface Draft {
  draft: DraftTree;
  writer: LayerWriter | undefined; // of the last layer, for more rows of it
}

/**
 * Merges the layers into a draft.
 * @param maxBytes memory that it may take
 * @throws LayerslayerError as mergeLayers
 */
export function draftOf(
  layers: readonly NumberedLayer[],
  options: MergeOptions = {},
  maxBytes = mergeBytes(layers),
): Draft {
  const steps = draftSteps(layers, options, maxBytes);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/**
 * As `draftOf`, but pauses after each layer, so that its caller can read the draft.
 * @returns the draft; yields the number of each layer after it is applied
 */
export function* draftSteps(
  layers: readonly NumberedLayer[],
  { onWarning, observe, signal }: MergeOptions = {},
  maxBytes = mergeBytes(layers),
): Generator<number, Draft> {
  const tables = layers.map((layer) => layer.entries);
  const draft = new DraftTree(tables, MAX_DRAFT_INODES, maxBytes);
  draft.observer = observe?.(draft);
  const follower = new LinkFollower(draft);
  let writer: LayerWriter | undefined;
  for (const [position, layer] of layers.entries()) {
    const { entries, number } = layer;
    signal?.throwIfAborted();
    try {
      applyMarkers(draft, entries);
      const skipped = new SkippedEntries(number, onWarning);
      const hidesMarkers = layer.hidesTableMarkers ?? false;
      writer = new LayerWriter(draft, position, entries, follower, skipped, hidesMarkers);
      writer.apply();
    } catch (error) {
      throw withContext(error, `layer ${number}`);
    }
    draft.observer?.layerDone?.(number);
    yield number;
  }
  return { draft, writer };
}

/**
 * Returns the memory that the layers' tables leave of their image's limit.
 * @throws LayerslayerError UNSUPPORTED past another limit
 */
export function mergeBytes(layers: readonly NumberedLayer[]): number {
  const tables = layers.map((layer) => layer.entries);
  checkLimits(tables);
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
  if (tables.length > LAYERS_MAX) {
    throw new LayerslayerError('UNSUPPORTED', `merging ${tables.length} layers: the limit is ${LAYERS_MAX}`);
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
