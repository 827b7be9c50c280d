import type { ImageView } from '../../image/opened-image.js';
import { uncomparedLayers } from '../../image/opened-image.js';
import { IMPLIED_DIRECTORY, placedRecord, shownEntry } from '../../image/records/entry-record.js';
import { joinPath } from '../../overlay/resolve-path.js';
import { HIDING_WAYS, type HiddenColumns } from '../analysis/hidden-columns.js';
import type { TreeSums } from '../analysis/tree-sums.js';
import type { WalkedRow } from '../listing/listing-walk.js';

export type EntryFields = Record<string, unknown>;

/** Returns an entry of a merged tree for clients. @param sums fields of directories */
export function liveRecord(
  view: ImageView,
  inode: number,
  names: readonly Uint8Array[],
  sums?: TreeSums,
): EntryFields {
  const { tree, byNumber } = view;
  const layer = tree.layerOf(inode);
  const place = { layer, layerDigest: byNumber.get(layer)?.digest };
  const record = placedRecord(shownEntry(tree, inode), joinPath(names), place, doubtOf(view));
  if (!sums || tree.kind(inode) !== 'dir') return record;
  const { bytes, entries, layers, layerStarts } = sums;
  return {
    ...record,
    bytes: bytes[inode],
    entries: entries[inode]! - 1, // without itself
    layers: [...layers.subarray(layerStarts[inode], layerStarts[inode + 1])],
  };
}

/** An entry that upper layers hide. */
export interface HiddenVersion {
  version: number; // of the columns
  isImplied: boolean; // a directory above it that no entry names
}

/** Returns an entry that upper layers hide for clients. */
export function hiddenRecord(
  view: ImageView,
  hidden: HiddenColumns,
  { version, isImplied }: HiddenVersion,
  names: readonly Uint8Array[],
): EntryFields {
  const layer = hidden.layers[version]!;
  const from = view.byNumber.get(layer)!;
  const how = HIDING_WAYS[hidden.hows[version]!]!;
  const place = {
    layer,
    layerDigest: from.digest,
    hidden: { hiddenBy: hidden.hiders[version]!, how },
  };
  const entry = isImplied ? IMPLIED_DIRECTORY : shownEntry(from.entries, hidden.rows[version]!);
  return placedRecord(entry, joinPath(names), place, doubtOf(view));
}

/** What listings say beside the tree. */
export interface ListingFacts {
  hidden: HiddenColumns | undefined;
  sums: TreeSums | undefined;
  layer: number | undefined; // whose own tree it is, from 1
}

/** Returns a row of a listing for clients. */
export function walkedRecord(
  view: ImageView,
  { row, names }: WalkedRow,
  { hidden, sums, layer = 0 }: ListingFacts,
): EntryFields {
  if (row.kind === 'live') return liveRecord(view, row.inode, names, sums);
  if (row.kind === 'passed') {
    const place = { layer, layerDigest: view.byNumber.get(layer)?.digest };
    return placedRecord(IMPLIED_DIRECTORY, joinPath(names), place, doubtOf(view));
  }
  const version = { version: row.version, isImplied: row.kind === 'implied' };
  return hiddenRecord(view, hidden!, version, names);
}

/** Returns `verified: false` where it holds. Any layer decides what a merged tree shows. */
export function doubtOf(view: ImageView): object {
  let known = doubts.get(view);
  if (known === undefined) {
    known = uncomparedLayers(view.layers).length === 0 ? {} : { verified: false };
    doubts.set(view, known);
  }
  return known;
}

const doubts = new WeakMap<ImageView, object>();
