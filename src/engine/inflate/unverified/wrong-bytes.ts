import { LayerslayerError } from '../../../base/errors.js';

/** Bytes that are not those of their digest, or cannot be decoded. Fresh ones may be right. */
export class WrongBytes extends Error {
  constructor(
    reason: string,
    readonly code: 'DIGEST_MISMATCH' | 'UNSUPPORTED' = 'DIGEST_MISMATCH',
  ) {
    super(reason);
  }
}

/**
 * Makes a part of unverified bytes. If they are wrong, makes it once more, of fresh bytes.
 * @param name of the part, for the message
 * @param make throws WrongBytes
 * @param onWrong called before the second attempt
 * @throws LayerslayerError DIGEST_MISMATCH if fresh bytes are wrong too; what `make` throws
 */
export async function withFreshBytes<T>(
  name: () => string,
  make: (fresh: boolean) => Promise<T>,
  onWrong: (reason: string) => void,
): Promise<T> {
  try {
    return await make(false);
  } catch (error) {
    if (!(error instanceof WrongBytes)) throw error;
    onWrong(`${name()}: ${error.message}`);
  }
  try {
    return await make(true);
  } catch (error) {
    if (!(error instanceof WrongBytes)) throw error;
    throw new LayerslayerError(error.code, `${name()}: wrong bytes, twice: ${error.message}`);
  }
}
