import type { StoredFile } from '../../../cache/content-store.js';
import type { CachedImage } from '../../../image/cached/cached-images.js';
import { blobOfKey } from '../../../image/cached/removal.js';
import type { Digest } from '../../../oci/digest.js';
import { formatPlatform } from '../../../oci/platform.js';
import { textTable } from '../../terminal/layout/table.js';
import { formatSize } from '../../terminal/wording/size.js';

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
    const digest = kind === 'refutation' ? undefined : blobOfKey(key);
    if (digest === undefined) continue;
    const layer = layers.get(digest) ?? { indexBytes: 0, pageBytes: 0, usedMs: 0 };
    // A layer's states belong to its index. Pages are compressed.
    layer[kind === 'page' ? 'pageBytes' : 'indexBytes'] += size;
    layer.usedMs = Math.max(layer.usedMs, usedMs);
    layers.set(digest, layer);
  }
  const byUse = [...layers].sort(([, a], [, b]) => b.usedMs - a.usedMs);
  const bytesOf = (digest: Digest) => sizeOf(layers.get(digest));
  const users = usersOf(images);
  const isShared = (digest: Digest) => users.get(digest)! > 1;
  const bytesWith = (isMeant: (users: number) => boolean) =>
    sum([...layers.keys()].filter((digest) => isMeant(users.get(digest) ?? 0)).map(bytesOf));
  return {
    ...place,
    totalBytes,
    images: images.map(({ platform, usedMs, digests, ...image }) => ({
      ...image,
      ownBytes: sum(digests.filter((digest) => !isShared(digest)).map(bytesOf)),
      sharedBytes: sum(digests.filter(isShared).map(bytesOf)),
      platform: formatPlatform(platform),
      lastUsed: minuteOf(usedMs),
    })),
    layers: byUse.map(([digest, { usedMs, ...sizes }]) => ({
      digest,
      ...sizes,
      images: users.get(digest) ?? 0,
      lastUsed: minuteOf(usedMs),
    })),
    sharedBytes: bytesWith((count) => count > 1), // each layer once
    otherBytes: bytesWith((count) => count === 0), // of no image here
    manifests,
    trees,
  };
}

function sizeOf(layer: { indexBytes: number; pageBytes: number } | undefined): number {
  return layer === undefined ? 0 : layer.indexBytes + layer.pageBytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** Returns how many images have each layer. */
function usersOf(images: readonly CachedImage[]): Map<Digest, number> {
  const users = new Map<Digest, number>();
  for (const { digests } of images)
    for (const digest of digests) users.set(digest, (users.get(digest) ?? 0) + 1);
  return users;
}

/** `2026-11-21T13:24Z`: the store knows no seconds. */
function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

/** For people. */
export function cacheTable(listing: CacheListing): string {
  const { directory, capBytes, totalBytes, images, layers, manifests, trees, sharedBytes, otherBytes } =
    listing;
  const imageRows = images.map((image) => [
    image.reference,
    image.platform,
    `${image.indexedLayers} of ${image.layers}`,
    formatSize(image.ownBytes),
    formatSize(image.sharedBytes),
    image.lastUsed,
  ]);
  const layerRows = layers.map(({ digest, indexBytes, pageBytes, images, lastUsed }) => [
    digest,
    indexBytes === 0 ? '-' : formatSize(indexBytes),
    formatSize(pageBytes),
    String(images),
    lastUsed,
  ]);
  const of = (one: { count: number; bytes: number }) => `${one.count}, ${formatSize(one.bytes)}`;
  const summary = [
    ['Directory:', directory],
    ['Manifests:', of(manifests)],
    ['Merged trees:', of(trees)],
    ['Images:', String(images.length)],
    ['Layers:', String(layers.length)],
    ['Shared:', `${formatSize(sharedBytes)} of layers of several images`],
    ['Of no image:', formatSize(otherBytes)],
    ['Total:', `${formatSize(totalBytes)} of ${formatSize(capBytes)} at most`],
  ];
  return [
    table(['IMAGE', 'PLATFORM', 'LAYERS INDEXED', 'OWN', 'SHARED', 'LAST USED'], imageRows),
    table(['LAYER', 'INDEX', 'PAGES', 'IMAGES', 'LAST USED'], layerRows),
    textTable(summary),
  ].join('');
}

/** A section of the listing; nothing without rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${textTable([head, ...rows])}\n\n`;
}
