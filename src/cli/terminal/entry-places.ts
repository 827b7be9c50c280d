import type { Digest } from '../../oci/digest.js';
import type { HiddenEntry } from '../../overlay/history/hidden-entries.js';
import { entryRecord, type ListedEntry } from './entry-lines.js';

/** Where an entry stands in an image. */
export interface EntryPlace {
  layer: number; // from 1; 0: the root of an image without layers
  layerDigest: Digest | undefined; // undefined: layer 0
  /** By which layer it is hidden, and how; undefined: the image shows it. */
  hidden?: Pick<HiddenEntry, 'hiddenBy' | 'how'> | undefined;
}

/** Returns whether an image shows an entry, or what took it away. */
export function entryState({ hidden }: EntryPlace): 'live' | 'deleted' | 'overridden' {
  if (!hidden) return 'live';
  return hidden.how === 'replaced' ? 'overridden' : 'deleted';
}

/** `replaced in layer 3`, `hidden by whiteout in layer 3`. */
export function hiddenText({ hiddenBy, how }: NonNullable<EntryPlace['hidden']>): string {
  return `${how === 'replaced' ? 'replaced' : `hidden by ${how}`} in layer ${hiddenBy}`;
}

/**
 * Returns an entry for programs, with its place in the image: a line of `ls --json`.
 * @param doubt `verified: false` if the index was not compared with its layer
 */
export function placedRecord(
  entry: ListedEntry,
  path: Uint8Array,
  place: EntryPlace,
  doubt: object = {},
): Record<string, unknown> {
  const { layer, layerDigest, hidden } = place;
  const state = entryState(place);
  return { layer, layerDigest, state, ...hidden, ...doubt, ...entryRecord(entry, path) };
}
