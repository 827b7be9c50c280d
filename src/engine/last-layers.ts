import { createHash } from 'node:crypto';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, isDigest } from '../oci/digest.js';
import { formatPlatform, type Platform } from '../oci/platform.js';

/**
 * Which layers a reference had when it was last opened. Only a guess at what the registry will say: good for loading their
 * indexes while it is still being asked.
 */
export class LastLayers {
  readonly #store: ContentStore;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** Base first; empty when nothing is known, or nothing that makes sense. */
  read(reference: string, platform: Platform): Digest[] {
    const bytes = this.#store.readSync('manifest', keyOf(reference, platform));
    if (bytes === undefined) return [];
    const digests = Buffer.from(bytes).toString('latin1').split('\n');
    return digests.every(isDigest) ? digests : [];
  }

  async write(reference: string, platform: Platform, digests: readonly Digest[]): Promise<void> {
    if (this.read(reference, platform).join() === digests.join()) return;
    await this.#store.write('manifest', keyOf(reference, platform), Buffer.from(digests.join('\n')));
  }
}

/** References have bytes that no file name may have. */
function keyOf(reference: string, platform: Platform): string {
  const hash = createHash('sha256')
    .update(`${reference} ${formatPlatform(platform)}`)
    .digest('hex');
  return `last/${hash}`;
}
