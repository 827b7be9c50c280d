import type { PathComponents } from '../path-components.js';

/**
 * Entries that builders of eStargz and zstd:chunked add at the root of a layer: the table itself,
 * and marks of what to fetch in advance. (stargz-snapshotter, docs/estargz.md)
 */
const MARKERS = ['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark'].map((name) =>
  Buffer.from(name),
);

/** Returns whether a cleaned path is that of a marker, or below one. (rule O10) */
export function isTableMarker({ count, heap, starts, ends }: PathComponents): boolean {
  if (count === 0) return false;
  const start = starts[0]!;
  const length = ends[0]! - start;
  return MARKERS.some((name) => name.length === length && name.every((byte, i) => heap[start + i] === byte));
}
