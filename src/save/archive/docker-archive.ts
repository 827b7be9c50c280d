import { LayerslayerError, unsupported } from '../../base/errors.js';
import { type Digest, digestHex, shortDigest } from '../../oci/digest.js';
import type { ImageDocuments, ResolvedImage } from '../../source/image-source.js';
import type { ArchivedLayer, ArchivePlan } from './archive-plan.js';

/**
 * Returns the files of a docker-archive: `manifest.json`, the config, and each layer as a plain
 * tar, as skopeo writes it, and `docker save` did up to version 24. All versions of `docker load`,
 * podman and skopeo read this form. Old ones read neither zstd nor the OCI layout that newer ones
 * of docker write.
 * @param names of the image, for RepoTags
 * @throws LayerslayerError UNSUPPORTED if the config does not list the layers' diff_ids;
 *   DIGEST_MISMATCH if it lists two for one blob
 */
export function dockerArchive(
  image: ResolvedImage,
  { config }: ImageDocuments,
  names: readonly string[],
): ArchivePlan {
  const { manifest, config: parsed } = image;
  const { diffIds } = parsed;
  if (diffIds.length !== manifest.layers.length) {
    const counts = `the config has ${diffIds.length} diff_ids for ${manifest.layers.length} layers`;
    throw unsupported(`a docker-archive has layers by their diff_ids, but ${counts}`);
  }
  const byBlob = new Map<Digest, ArchivedLayer & { numbers: number[]; diffId: Digest }>();
  for (const [i, { digest }] of manifest.layers.entries()) {
    const diffId = diffIds[i]!;
    const known = byBlob.get(digest);
    if (known) known.numbers.push(i + 1);
    else byBlob.set(digest, { name: layerName(diffId), digest, numbers: [i + 1], diffId });
    if (known && known.diffId !== diffId) {
      const two = `${shortDigest(known.diffId)} and ${shortDigest(diffId)}`;
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `layers ${known.numbers.join(' and ')} are one blob, but their diff_ids are ${two}`,
      );
    }
  }
  const configName = `${digestHex(manifest.config.digest)}.json`;
  const listed = { Config: configName, RepoTags: names, Layers: diffIds.map(layerName) };
  return {
    directories: [],
    layers: [...byBlob.values()],
    documents: [
      { name: configName, bytes: config },
      { name: 'manifest.json', bytes: Buffer.from(JSON.stringify([listed])) },
    ],
    digest: image.digest,
  };
}

function layerName(diffId: Digest): string {
  return `${digestHex(diffId)}.tar`;
}
