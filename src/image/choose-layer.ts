import { LayerslayerError } from '../base/errors.js';
import { hasDigestPrefix } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';

/**
 * Returns the number (from 1, base first) of `--layer`'s layer. A digest that the image has more
 * than once (as for empty layers) is the same bytes each time: the first counts.
 * @param wanted the number, the digest, or the beginning of the digest
 * @throws LayerslayerError NOT_FOUND if the image has no such layer; INVALID_ARGUMENT if the
 *   beginning is that of several digests
 */
export function chooseLayer(image: ResolvedImage, wanted: number | string): number {
  const { layers } = image.manifest;
  const number = typeof wanted === 'number' ? wanted : numberByDigest(image, wanted);
  if (number >= 1 && number <= layers.length) return number;
  const want = layers.length === 0 ? 'it has none' : `want 1 to ${layers.length} or one of their digests`;
  throw new LayerslayerError('NOT_FOUND', `${image.reference} has no layer ${wanted}: ${want}`);
}

/** Candidates that a message names. */
const CANDIDATES_MAX = 5;

/** @returns 0 if there is none */
function numberByDigest({ reference, manifest }: ResolvedImage, prefix: string): number {
  const digests = manifest.layers.map(({ digest }) => digest);
  const candidates = [...new Set(digests)].filter((digest) => hasDigestPrefix(digest, prefix));
  if (candidates.length <= 1) return digests.indexOf(candidates[0]!) + 1;
  const named = candidates
    .slice(0, CANDIDATES_MAX)
    .map((digest) => `layer ${digests.indexOf(digest) + 1} is ${digest}`);
  const more = candidates.length > named.length ? `, and ${candidates.length - named.length} more` : '';
  const message = `layer ${prefix} of ${reference} is ambiguous: ${named.join(', ')}${more}`;
  throw new LayerslayerError('INVALID_ARGUMENT', message);
}
