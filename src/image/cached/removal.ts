import type { ContentStore, StoredFile } from '../../cache/content-store.js';
import { type ImageRecord, imageRecordOf } from '../../engine/records/image-records.js';
import { type Digest, isDigest } from '../../oci/digest.js';
import { formatPlatform } from '../../oci/platform.js';
import { digestsOfTree } from '../../overlay/open-tree.js';
import { CachedDocuments } from './cached-documents.js';

/** An image that is removed from the cache. */
export interface RemovedImage {
  reference: string; // canonical
  digest: Digest; // of the manifest
  platform: string;
  layers: number;
  keptLayers: number; // of them, for other images
}

export interface Removal {
  files: StoredFile[];
  images: RemovedImage[];
  missing: string[]; // references that the cache has no image of
  references: string[]; // of all images before
}

/**
 * Returns what a cache has of images and of no other recorded image. Notes of refuted indexes stay.
 * @param store is read without a trace
 * @param files of the store
 * @param references canonical; all platforms are removed
 */
export function planRemoval(
  store: ContentStore,
  files: readonly StoredFile[],
  references: readonly string[],
): Removal {
  const records = files.flatMap((file) => {
    const record = file.kind === 'image' ? imageRecordOf(store, file.key) : undefined;
    return record ? [{ file, record }] : [];
  });
  const isRemoved = ({ record }: { record: ImageRecord }) => references.includes(record.reference);
  const removed = records.filter(isRemoved);
  const known = new Set(records.map(({ record }) => record.reference));
  const missing = references.filter((reference) => !known.has(reference));
  if (removed.length === 0) return { files: [], images: [], missing, references: [...known] };
  const others = records.filter((one) => !isRemoved(one)).map(({ record }) => record);
  const own = removed.map(({ record }) => record);
  const isOnlyTheirs = [
    documentRule(store, files, own, others),
    layerRule(own, others),
    treeRule(store, own, others),
  ];
  return {
    files: [
      ...removed.map(({ file }) => file),
      ...files.filter((file) => isOnlyTheirs.some((rule) => rule(file))),
    ],
    images: describe(own, others),
    missing,
    references: [...known],
  };
}

type Rule = (file: StoredFile) => boolean;

/** Manifests, configs and image indexes. */
function documentRule(
  store: ContentStore,
  files: readonly StoredFile[],
  removed: readonly ImageRecord[],
  others: readonly ImageRecord[],
): Rule {
  const documents = new CachedDocuments(
    store,
    files.flatMap(({ kind, key }) => (kind === 'manifest' && isDigest(key) ? [key] : [])),
  );
  const needed = new Set(others.flatMap(({ digest }) => documents.around(digest)));
  const theirs = new Set(removed.flatMap(({ digest }) => documents.family(digest)));
  return ({ kind, key }) => kind === 'manifest' && isDigest(key) && theirs.has(key) && !needed.has(key);
}

/** Indexes, states of checkpoints and pages, of layers and of the tables in them. */
function layerRule(removed: readonly ImageRecord[], others: readonly ImageRecord[]): Rule {
  const needed = new Set(others.flatMap(blobsOf));
  const theirs = new Set(removed.flatMap(blobsOf).filter((digest) => !needed.has(digest)));
  return ({ kind, key }) => {
    if (kind !== 'index' && kind !== 'states' && kind !== 'page') return false;
    const digest = blobOfKey(key);
    return digest !== undefined && theirs.has(digest);
  };
}

/** Merged trees of all or some layers of an image. */
function treeRule(
  store: ContentStore,
  removed: readonly ImageRecord[],
  others: readonly ImageRecord[],
): Rule {
  const setOf = ({ layers }: ImageRecord) => new Set<Digest>(layers.map(({ digest }) => digest));
  const [theirs, needed] = [removed.map(setOf), others.map(setOf)];
  return ({ kind, key }) => {
    if (kind !== 'tree') return false;
    const digests = digestsOfTree((offset, length) => store.readSync('tree', key, { offset, length }));
    const isIn = (layers: ReadonlySet<Digest>) => digests?.every((digest) => layers.has(digest)) === true;
    return theirs.some(isIn) && !needed.some(isIn);
  };
}

function blobsOf({ layers }: ImageRecord): Digest[] {
  return layers.flatMap(({ digest, origin }) =>
    origin?.kind === 'table' ? [digest, origin.digest] : [digest],
  );
}

/** Returns the digest in a key: of an index from elsewhere, the origin follows it. */
export function blobOfKey(key: string): Digest | undefined {
  return key.split(/[/.]/).find(isDigest);
}

/** One that was asked for by two platforms is one. */
function describe(removed: readonly ImageRecord[], others: readonly ImageRecord[]): RemovedImage[] {
  const needed = new Set(others.flatMap(blobsOf));
  const images = removed.map(({ reference, digest, platform, layers }) => ({
    reference,
    digest,
    platform: formatPlatform(platform),
    layers: layers.length,
    keptLayers: layers.filter((layer) => needed.has(layer.digest)).length,
  }));
  return [
    ...new Map(
      images.map((image) => [`${image.reference} ${image.digest} ${image.platform}`, image]),
    ).values(),
  ];
}
