import { asLayerslayerError } from '../base/errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { parseManifest } from '../oci/manifest.js';
import { fallbackTag, type RegistryClient } from '../registry/registry-client.js';

/** A manifest, and which of its referrers are wanted. */
export interface ReferrersQuestion {
  client: RegistryClient;
  repository: string; // in the client's registry
  subject: Digest;
  artifactType?: string | undefined; // default: all
}

/**
 * Lists what refers to a manifest: by the API, or by the fallback tag in a registry without.
 * (distribution-spec, "Listing Referrers", "Referrers Tag Schema")
 * @throws LayerslayerError network codes
 */
export async function referrersOf(
  { client, repository, subject, artifactType }: ReferrersQuestion,
  signal: AbortSignal,
): Promise<Descriptor[]> {
  const listed = await client.listReferrers(repository, { subject, artifactType }, signal);
  if (listed) return listed;
  const tag = fallbackTag(subject);
  try {
    const { bytes } = await client.getTag(repository, tag, signal);
    const list = parseManifest(bytes, `the list of referrers (tag ${tag})`);
    if (list.kind !== 'index') return [];
    return list.manifests.filter((one) => artifactType === undefined || one.artifactType === artifactType);
  } catch (error) {
    if (asLayerslayerError(error).code === 'NOT_FOUND') return [];
    throw error;
  }
}
