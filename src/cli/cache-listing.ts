import type { StoredFile } from '../cache/content-store.js';
import { type Digest, isDigest } from '../oci/digest.js';
import { formatSize } from './size.js';
import { textTable } from './table.js';

/** What is kept of one layer. */
export interface KeptLayer {
  digest: Digest;
  indexBytes: number;
  pageBytes: number; // compressed
  lastUsed: string; // ISO 8601, to the minute
}

export interface CacheListing {
  directory: string;
  capBytes: number;
  totalBytes: number;
  layers: KeptLayer[]; // last used first
  manifests: { count: number; bytes: number }; // and configs and image records
  trees: { count: number; bytes: number }; // merged trees of whole images
}

/** @param files of the store, in any order */
export function cacheListing(
  files: readonly StoredFile[],
  place: { directory: string; capBytes: number },
): CacheListing {
  const layers = new Map<Digest, { indexBytes: number; pageBytes: number; usedMs: number }>();
  const others = { manifest: { count: 0, bytes: 0 }, tree: { count: 0, bytes: 0 } };
  let totalBytes = 0;
  for (const { kind, key, size, usedMs } of files) {
    totalBytes += size;
    if (kind === 'manifest' || kind === 'tree' || kind === 'image') {
      const other = others[kind === 'tree' ? 'tree' : 'manifest'];
      other.count++;
      other.bytes += size;
      continue;
    }
    const digest = key.split('/').find(isDigest);
    if (digest === undefined) continue;
    const layer = layers.get(digest) ?? { indexBytes: 0, pageBytes: 0, usedMs: 0 };
    layer[kind === 'index' ? 'indexBytes' : 'pageBytes'] += size;
    layer.usedMs = Math.max(layer.usedMs, usedMs);
    layers.set(digest, layer);
  }
  const byUse = [...layers].sort(([, a], [, b]) => b.usedMs - a.usedMs);
  return {
    ...place,
    totalBytes,
    layers: byUse.map(([digest, { usedMs, ...sizes }]) => ({ digest, ...sizes, lastUsed: minuteOf(usedMs) })),
    manifests: others.manifest,
    trees: others.tree,
  };
}

/** `2026-11-21T13:24Z`: the store does not know it any better. */
function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

/** For people. */
export function cacheTable({
  directory,
  capBytes,
  totalBytes,
  layers,
  manifests,
  trees,
}: CacheListing): string {
  const rows = layers.map(({ digest, indexBytes, pageBytes, lastUsed }) => [
    digest,
    indexBytes === 0 ? '-' : formatSize(indexBytes),
    formatSize(pageBytes),
    lastUsed,
  ]);
  const of = (one: { count: number; bytes: number }) => `${one.count}, ${formatSize(one.bytes)}`;
  const summary = [
    ['Directory:', directory],
    ['Manifests:', of(manifests)],
    ['Merged trees:', of(trees)],
    ['Layers:', String(layers.length)],
    ['Total:', `${formatSize(totalBytes)} of ${formatSize(capBytes)} at most`],
  ];
  const table =
    rows.length === 0 ? '' : `${textTable([['LAYER', 'INDEX', 'PAGES', 'LAST USED'], ...rows])}\n\n`;
  return table + textTable(summary);
}
