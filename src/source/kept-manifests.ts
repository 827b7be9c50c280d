import type { ContentStore } from '../cache/content-store.js';
import type { Digest } from '../oci/digest.js';
import type { KeptBlobs } from '../registry/registry-options.js';

/** Manifests and configs in the cache directory, beside the layers' indexes and pages. */
export class KeptManifests implements KeptBlobs {
  readonly #store: ContentStore;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  read(digest: Digest): Promise<Uint8Array | undefined> {
    return this.#store.read('manifest', digest);
  }

  async write(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#store.write('manifest', digest, bytes);
  }
}
