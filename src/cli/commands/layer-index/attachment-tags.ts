import { asLayerslayerError } from '../../../base/errors.js';
import { parseImageLocation } from '../../../oci/image-location.js';
import { layerKind } from '../../../oci/layer-type.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { chooseLocalPath } from '../../../source/located-source.js';
import type { SessionUse } from '../../image-session-command.js';

/** cosign's signatures, attestations and SBOMs. They look like images: they have a config. */
const COSIGN = /^sha256-[0-9a-f]{64}\.(sig|att|sbom)$/;

/**
 * Lists of referrers (distribution-spec, "Referrers Tag Schema"), and `layer-…` in an index
 * repository. Tools that mirror by digest give such tags to images, so the manifest decides.
 */
const PERHAPS_ATTACHED = /^(layer-)?sha(256|512)-[0-9a-f]{64}$/;

/**
 * What a reference stands for by its tag. A list of a repository's tags has those of its
 * attachments too.
 * @param reference canonical
 */
export function taggedAs(reference: string): 'image' | 'attachment' | 'either' {
  const location = parseImageLocation(reference, chooseLocalPath);
  if (location.place !== 'registry') return 'image';
  const { tag, digest } = location.reference;
  if (tag === undefined || digest !== undefined) return 'image';
  if (COSIGN.test(tag)) return 'attachment';
  return PERHAPS_ATTACHED.test(tag) ? 'either' : 'image';
}

/** Returns whether this is a signature or the like, which has a config as images do. */
export function hasNoTar({ manifest: { layers } }: ResolvedImage): boolean {
  return layers.length > 0 && layers.every(({ mediaType }) => layerKind(mediaType) === 'other');
}

/** Returns whether resolving failed since the tag has no image at all, of any platform. */
export async function hasNoImage(error: unknown, use: SessionUse): Promise<boolean> {
  const { code } = asLayerslayerError(error);
  if (code === 'UNSUPPORTED') return true;
  if (code !== 'NO_MATCHING_PLATFORM') return false;
  const { images } = await use.session.listImages(use.reference, use.signal);
  return images.length === 0;
}
