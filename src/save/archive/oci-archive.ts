import { blobPath } from '../../oci/blob-path.js';
import { type Digest, digestAlgorithm, digestOf } from '../../oci/digest.js';
import { MEDIA_TYPES } from '../../oci/media-type.js';
import { ociManifest } from '../../oci/oci-manifest.js';
import type { ImageDocuments, ResolvedImage } from '../../source/image-source.js';
import { indexEntry, LAYOUT_MARKER } from '../layout-documents.js';
import type { ArchivedLayer, ArchivePlan } from './archive-plan.js';

/**
 * Returns the files of an OCI layout of one image. All blobs stay byte for byte, but for docker's
 * manifest. (OCI image-spec, image-layout.md)
 * @param name of the image in the layout
 */
export function ociArchive(
  image: ResolvedImage,
  { manifest, config }: ImageDocuments,
  name: string,
): ArchivePlan {
  const { mediaType, bytes } = ociManifest(image.manifest, manifest);
  const digest = digestOf(bytes, image.digest);
  const layers = new Map<Digest, ArchivedLayer & { numbers: number[] }>();
  for (const [i, layer] of image.manifest.layers.entries()) {
    const known = layers.get(layer.digest);
    if (known) known.numbers.push(i + 1);
    else layers.set(layer.digest, { name: blobPath(layer.digest), digest: layer.digest, numbers: [i + 1] });
  }
  const entry = indexEntry({ image, name, mediaType, digest, size: bytes.length });
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [entry] };
  const blobs = [image.manifest.config.digest, digest, ...layers.keys()];
  const folders = new Set(blobs.map((one) => `blobs/${digestAlgorithm(one)}/`));
  const names = new Set([...layers.values()].map(({ name: file }) => file));
  const documents = [
    { name: blobPath(image.manifest.config.digest), bytes: config },
    { name: blobPath(digest), bytes },
    { name: 'oci-layout', bytes: Buffer.from(LAYOUT_MARKER) },
    { name: 'index.json', bytes: Buffer.from(JSON.stringify(index)) },
  ];
  return {
    directories: ['blobs/', ...folders],
    layers: [...layers.values()],
    // A manifest may name its config as a layer.
    documents: documents.filter((one) => !names.has(one.name)),
    digest,
  };
}
