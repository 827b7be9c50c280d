import { LayerslayerError } from '../../base/errors.js';
import { type Digest, isDigest } from '../../oci/digest.js';
import { isJsonObject, stringField } from '../../oci/json.js';

/** Where the states of an index are if its file has none: in an index file in a registry. */
export interface RemoteStates {
  repository: string; // `host/name`
  digest: Digest; // of that index file
  size: number; // bytes of it
  offset: number; // of the states in it
}

/** Characters of a repository's name. */
const REPOSITORY_MAX = 512;

export function packRemoteStates({ repository, digest, size, offset }: RemoteStates): Uint8Array {
  return Buffer.from(JSON.stringify({ repository, digest, size, offset }));
}

/** @throws LayerslayerError CORRUPT_LAYER */
export function unpackRemoteStates(packed: Uint8Array): RemoteStates {
  try {
    const value: unknown = JSON.parse(Buffer.from(packed).toString());
    if (isJsonObject(value)) {
      const { digest, size, offset } = value;
      const repository = stringField(value, 'repository') ?? '';
      const isNamed = repository !== '' && repository.length <= REPOSITORY_MAX;
      if (isNamed && isDigest(digest) && isOffset(size) && isOffset(offset) && offset <= size)
        return { repository, digest, size, offset };
    }
  } catch {
    // Reported below.
  }
  throw new LayerslayerError('CORRUPT_LAYER', 'layer index: the location of its states is not as written');
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
