import { createHash } from 'node:crypto';
import { LayerslayerError, unsupported } from '../base/errors.js';
import { formatOf, MAGIC_LENGTH } from '../codec/codecs.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, digestOf, isDigest, parseDigest } from '../oci/digest.js';
import { CONFIG_SIZE_MAX, type ImageConfig, parseImageConfig } from '../oci/image-config.js';
import type { Manifest } from '../oci/manifest.js';
import { MEDIA_TYPES } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';
import type { ArchivedImage } from './docker-archive-manifest.js';
import { FileBlob } from './file-blob.js';
import { platformOf } from './image-search.js';
import type { ImageDocuments } from './image-source.js';
import { checkContent, type LocalFile, type LocalFiles, readSmallFile } from './local-files.js';

/** An image of a docker-archive, with the manifest that such archives lack. */
export interface DescribedImage {
  digest: Digest; // of the manifest
  manifest: Manifest;
  config: ImageConfig;
  platform: Platform | undefined; // undefined: fits any
  documents: ImageDocuments;
  members: ReadonlyMap<Digest, LocalFile>; // the layers
}

const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

/**
 * Makes the manifest that the image would have in an OCI layout, the same each time: docker's
 * configs are OCI's, and the digest of an uncompressed layer is its diff_id.
 * @throws LayerslayerError NOT_FOUND, DIGEST_MISMATCH, UNSUPPORTED; as `LocalFiles.find`
 */
export async function describeArchivedImage(
  files: LocalFiles,
  { config: name, layers: names }: ArchivedImage,
): Promise<DescribedImage> {
  const bytes = await readSmallFile(files, name, CONFIG_SIZE_MAX);
  if (!bytes) throw missing(files, name);
  const digest = digestInName(name) ?? digestOf(bytes);
  checkContent(bytes, digest, files, name);
  const config = parseImageConfig(bytes, `${name} of ${files.path}`);
  const { diffIds } = config;
  if (diffIds.length !== names.length) {
    const listed = `manifest.json of ${files.path} lists ${names.length} layers`;
    throw unsupported(`${listed}, ${name} has ${diffIds.length} diff_ids`);
  }
  const members = new Map<Digest, LocalFile>();
  const layers: Descriptor[] = [];
  for (const [i, layerName] of names.entries()) {
    const { descriptor, member } = await describeLayer(files, layerName, diffIds[i]!);
    layers.push(descriptor);
    members.set(descriptor.digest, member);
  }
  const manifest: Manifest = {
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest, size: bytes.length },
    layers,
  };
  const document = Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest }));
  return {
    digest: digestOf(document),
    manifest,
    config,
    platform: platformOf(config),
    documents: { manifest: document, config: bytes },
    members,
  };
}

async function describeLayer(
  files: LocalFiles,
  name: string,
  diffId: Digest,
): Promise<{ descriptor: Descriptor; member: LocalFile }> {
  const member = await files.find(name);
  if (!member) throw missing(files, name);
  const { size } = member;
  const blob = new FileBlob(files.path, size, () => Promise.resolve(member));
  const { name: compression, codec } = formatOf(await blob.read(0, Math.min(MAGIC_LENGTH, size)));
  if (codec?.isIdentity) {
    return { descriptor: { mediaType: LAYER_TYPE, digest: diffId, size }, member };
  }
  // Newer docker names compressed layers by their digest. Those of other tools are read for it.
  const digest = digestInName(name) ?? (await digestOfBlob(blob));
  return { descriptor: { mediaType: `${LAYER_TYPE}+${compression}`, digest, size }, member };
}

/** `<hex>.json`, `blobs/sha256/<hex>`, `sha256:<hex>`: names by docker, podman and kaniko. */
function digestInName(name: string): Digest | undefined {
  const hex = /^(?:blobs\/sha256\/|sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  const digest = `sha256:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

async function digestOfBlob(blob: FileBlob): Promise<Digest> {
  const hash = createHash('sha256');
  await blob.stream(0, blob.size, (chunk) => void hash.update(chunk));
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

function missing({ path }: LocalFiles, name: string): LayerslayerError {
  return new LayerslayerError('NOT_FOUND', `${path} has no ${name}, which its manifest.json names`);
}
