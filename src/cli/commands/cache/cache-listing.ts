import type { StoredFile } from '../../../cache/content-store.js';
import type { CachedImage } from '../../../image/cached/cached-images.js';
import { type Digest, isDigest } from '../../../oci/digest.js';
import { formatPlatform } from '../../../oci/platform.js';
import { formatSize } from '../../terminal/size.js';
import { textTable } from '../../terminal/table.js';

/** The output of `cache ls --json`. */
export type CacheListing = ReturnType<typeof cacheListing>;

/**
 * @param files of the store, in any order
 * @param images that were opened, as they are listed
 */
export function cacheListing(
  files: readonly StoredFile[],
  images: readonly CachedImage[],
  place: { directory: string; capBytes: number },
) {
  const layers = new Map<Digest, { indexBytes: number; pageBytes: number; usedMs: number }>();
  const manifests = { count: 0, bytes: 0 }; // and configs and image records
  const trees = { count: 0, bytes: 0 }; // merged trees of whole images
  let totalBytes = 0;
  for (const { kind, key, size, usedMs } of files) {
    totalBytes += size;
    if (kind === 'manifest' || kind === 'tree' || kind === 'image') {
      const group = kind === 'tree' ? trees : manifests;
      group.count++;
      group.bytes += size;
      continue;
    }
    // The name of an index from elsewhere has its origin behind the digest.
    const digest = kind === 'refutation' ? undefined : key.split(/[/.]/).find(isDigest);
    if (digest === undefined) continue;
    const layer = layers.get(digest) ?? { indexBytes: 0, pageBytes: 0, usedMs: 0 };
    // A layer's states belong to its index. Pages are compressed.
    layer[kind === 'page' ? 'pageBytes' : 'indexBytes'] += size;
    layer.usedMs = Math.max(layer.usedMs, usedMs);
    layers.set(digest, layer);
  }
  const byUse = [...layers].sort(([, a], [, b]) => b.usedMs - a.usedMs);
  return {
    ...place,
    totalBytes,
    images: images.map(({ platform, usedMs, ...image }) => ({
      ...image,
      platform: formatPlatform(platform),
      lastUsed: minuteOf(usedMs),
    })),
    layers: byUse.map(([digest, { usedMs, ...sizes }]) => ({ digest, ...sizes, lastUsed: minuteOf(usedMs) })),
    manifests,
    trees,
  };
}

/** `2026-11-21T13:24Z`: the store knows no seconds. */
function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

/** For people. */
export function cacheTable(listing: CacheListing): string {
  const { directory, capBytes, totalBytes, images, layers, manifests, trees } = listing;
  const imageRows = images.map(({ reference, platform, layers, indexedLayers, lastUsed }) => [
    reference,
    platform,
    `${indexedLayers} of ${layers}`,
    lastUsed,
  ]);
  const layerRows = layers.map(({ digest, indexBytes, pageBytes, lastUsed }) => [
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
    ['Images:', String(images.length)],
    ['Layers:', String(layers.length)],
    ['Total:', `${formatSize(totalBytes)} of ${formatSize(capBytes)} at most`],
  ];
  return [
    table(['IMAGE', 'PLATFORM', 'LAYERS INDEXED', 'LAST USED'], imageRows),
    table(['LAYER', 'INDEX', 'PAGES', 'LAST USED'], layerRows),
    textTable(summary),
  ].join('');
}

/** A section of the listing; nothing without rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${textTable([head, ...rows])}\n\n`;
}
