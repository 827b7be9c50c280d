import { asLayerslayerError } from '../base/errors.js';
import { type Digest, isDigest } from '../oci/digest.js';
import { isJsonObject, ownField, parseJsonObject } from '../oci/json.js';
import { MANIFEST_SIZE_MAX } from '../oci/manifest.js';
import type { RegistryClient } from '../registry/registry-client.js';
import { FallbackList } from './fallback-list.js';

/** Type of SOCI index manifests that refer to an image. (v1) */
const SOCI_INDEX_V1 = 'application/vnd.amazon.soci.index.v1+json';

/** SOCI indexes of one image that are read. Accounts with push rights may add some. */
const INDEXES_MAX = 4;

/** An image whose SOCI index manifests are wanted. */
export interface SociImage {
  client: RegistryClient;
  repository: string; // in the client's registry
  digest: Digest; // of its manifest
}

/**
 * Returns SOCI index manifests of an image, checked by their digests.
 * @param index digest of the one that the image's manifest names (v2); undefined: those that refer
 *   to the image (v1)
 * @throws LayerslayerError NOT_FOUND, DIGEST_MISMATCH, network codes
 */
export async function sociManifests(
  { client, repository, digest }: SociImage,
  index: Digest | undefined,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  if (index !== undefined) return [(await client.getManifest(repository, index, signal)).bytes];
  const query = { subject: digest, artifactType: SOCI_INDEX_V1 };
  const listed = await client.listReferrers(repository, query, signal);
  const digests =
    listed?.map((one) => one.digest) ??
    (await new FallbackList({ client, repository, subject: digest }).list(SOCI_INDEX_V1, signal));
  const manifests: Uint8Array[] = [];
  for (const one of [...new Set(digests)].slice(0, INDEXES_MAX)) {
    try {
      const { bytes } = await client.getManifest(repository, one, signal);
      if (subjectOf(bytes) === digest) manifests.push(bytes);
    } catch (error) {
      // A list may have what is gone, or no manifest.
      const { code } = asLayerslayerError(error);
      if (code !== 'NOT_FOUND' && code !== 'UNSUPPORTED' && code !== 'DIGEST_MISMATCH') throw error;
    }
  }
  return manifests;
}

function subjectOf(bytes: Uint8Array): Digest | undefined {
  const subject = ownField(parseJsonObject(bytes, 'SOCI index', MANIFEST_SIZE_MAX), 'subject');
  const digest = isJsonObject(subject) ? subject.digest : undefined;
  return isDigest(digest) ? digest : undefined;
}
