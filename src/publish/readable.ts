import { LAYER_INDEX_VERSION } from '../index/entry-table.js';
import type { PublishedIndex } from './publication.js';

/** Returns whether this version reads the index: its format is ours, or not said. */
export function isReadable({ version }: Pick<PublishedIndex, 'version'>): boolean {
  return version === undefined || version === LAYER_INDEX_VERSION;
}

/** Returns whether a newer version of layerslayer made the index. */
export function isNewer({ version }: Pick<PublishedIndex, 'version'>): boolean {
  return version !== undefined && version > LAYER_INDEX_VERSION;
}
