import { asLayerslayerError } from '../../base/errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { parseManifest } from '../../oci/manifest.js';
import { fallbackTag } from './referrers.js';

/** Which referrers are wanted. */
export interface WantedReferrers {
  subject: Digest;
  artifactType?: string | undefined; // default: all
}

/** How a repository is asked. */
export interface ReferrersPorts {
  /** @returns undefined if the registry has no referrers API */
  list(): Promise<Descriptor[] | undefined>;
  readTag(tag: string): Promise<Uint8Array>;
}

/**
 * Lists what refers to a manifest: by the API, or by the fallback tag in a registry without.
 * (distribution-spec, "Listing Referrers", "Referrers Tag Schema")
 * @throws LayerslayerError network codes
 */
export async function referrersOf(
  { list, readTag }: ReferrersPorts,
  { subject, artifactType }: WantedReferrers,
): Promise<Descriptor[]> {
  const listed = await list();
  if (listed) return listed;
  const tag = fallbackTag(subject);
  try {
    const fallback = parseManifest(await readTag(tag), `the list of referrers (tag ${tag})`);
    if (fallback.kind !== 'index') return [];
    return fallback.manifests.filter(
      (one) => artifactType === undefined || one.artifactType === artifactType,
    );
  } catch (error) {
    if (asLayerslayerError(error).code === 'NOT_FOUND') return [];
    throw error;
  }
}
