import { LayerslayerError } from '../base/errors.js';
import { type Digest, isDigest } from '../oci/digest.js';

/** What `--layer` says: a number from 1, base first, or a digest. @throws LayerslayerError INVALID_ARGUMENT */
export function parseLayer(text: string): number | Digest {
  if (isDigest(text)) return text;
  const number = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (number >= 1) return number;
  throw new LayerslayerError(
    'INVALID_ARGUMENT',
    `not a layer: ${JSON.stringify(text)}: want its number from 1 or its digest`,
  );
}
